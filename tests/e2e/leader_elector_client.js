// SPDX-License-Identifier: Apache-2.0
//
// Asks a sidecar who leads, again and again, as programs beside leader-elector do, and prints a line whenever the
// answer changes.
//
//   node leader_elector_client.js PORT OWN_NAME PERIOD_MS
'use strict';

const http = require('http');

const [port, ownName, period] = process.argv.slice(2);
let last = '';

function say(line) {
  if (line === last) return;
  last = line;
  console.log(line);
}

function ask() {
  const request = http.get({host: 'localhost', family: 4, port: Number(port), path: '/'}, (response) => {
    const pieces = [];
    response.on('data', (piece) => pieces.push(piece));
    response.on('end', () => {
      const master = JSON.parse(Buffer.concat(pieces).toString());
      if (typeof master.name !== 'string') throw new Error('an answer without a name');
      say(master.name === ownName ? 'I am the master' : `the master is ${master.name || 'nobody'}`);
    });
  });
  request.on('error', (problem) => say(`no answer: ${problem.code}`));
}

ask();
setInterval(ask, Number(period));
