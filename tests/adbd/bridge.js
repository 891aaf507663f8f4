// An adbd that asks for a key: adbkit's bridge in front of a device of an adb server.
//
//   node bridge.js ADB_SERVER_PORT SERIAL accept|refuse|wait
//
// Prints its port, then a line per public key that it was shown; ends with its standard input. What the owner answers to
// the question on the screen: accept remembers the key, wait never answers.
"use strict";

const { Adb } = require("@devicefarmer/adbkit");

const [port, serial, answer] = process.argv.slice(2);
const known = [];
const answers = {
  accept: (key) => known.push(key),
  refuse: () => Promise.reject(new Error("refused")),
  wait: () => new Promise(() => {}),
};

const client = Adb.createClient({ host: "127.0.0.1", port: Number(port) });
const server = client.createTcpUsbBridge(serial, {
  knownPublicKeys: known,
  auth: (key) => {
    console.log(`asked ${key.fingerprint} ${key.comment}`);
    return Promise.resolve(answers[answer](key));
  },
});
server.on("listening", () => console.log(server.server.address().port));
server.on("error", (error) => console.error(error));
server.listen(0, "127.0.0.1");
process.stdin.on("end", () => process.exit()).resume();
