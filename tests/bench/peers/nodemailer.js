// Sends so many mails with nodemailer's pool: node nodemailer.js PORT TOTAL WORDS. WORDS is a file of JSON with subject,
// text and html, in which {name} and {city} stand for the person's. Prints the seconds it took.

const { readFileSync } = require("node:fs");
const { createTransport } = require("../../node_modules/nodemailer");

const [port, total, file] = process.argv.slice(2);
const words = JSON.parse(readFileSync(file, "utf8"));
const pool = createTransport({
  host: "127.0.0.1", port: Number(port), ignoreTLS: true, pool: true, maxConnections: 10, maxMessages: Infinity,
});

function mailTo(number) {
  const filled = (text) => text.replaceAll("{name}", `Person ${number}`).replaceAll("{city}", "Berlin");
  return {
    from: '"Acme News" <news@acme.example>', to: `c${number}@example.org`,
    subject: filled(words.subject), text: filled(words.text), html: filled(words.html),
  };
}

let next = 1, accepted = 0;
const began = process.hrtime.bigint();

function noteAccepted() {
  accepted += 1;
  if (accepted === Number(total)) {
    console.log(Number(process.hrtime.bigint() - began) / 1e9);
    pool.close();
  }
}

// As its documents say: the next one when the pool is idle, so that nothing piles up in memory. One that fails is no
// concern of a benchmark: the promise nobody catches ends the process.
pool.on("idle", () => {
  while (pool.isIdle() && next <= Number(total)) pool.sendMail(mailTo(next++)).then(noteAccepted);
});
