// An S3 server for the tests: `node s3.js FOLDER [PORT]` listens on that or a free port of loopback and prints it.
"use strict";
const S3rver = require("s3rver");

const [, , directory, port = "0"] = process.argv;
const server = new S3rver({
  address: "127.0.0.1", port: Number(port), silent: true, directory, serviceEndpoint: "localhost",
  configureBuckets: [{ name: "carillon" }],
});
server.run().then(({ port }) => console.log(port));
process.stdin.on("end", () => process.exit(0)).resume();
