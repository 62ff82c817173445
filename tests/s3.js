// An S3 server for the tests: `node s3.js FOLDER` listens on a free port of loopback and prints it.
"use strict";
const S3rver = require("s3rver");

const [, , directory] = process.argv;
const server = new S3rver({
  address: "127.0.0.1", port: 0, silent: true, directory, serviceEndpoint: "localhost",
  configureBuckets: [{ name: "carillon" }],
});
server.run().then(({ port }) => console.log(port));
process.stdin.on("end", () => process.exit(0)).resume();
