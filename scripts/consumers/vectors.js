// Reads the golden vectors: open(directory) gives index, cases(family), arrays(family) and core(operation).
"use strict";
const fs = require("fs");
const path = require("path");

function open(directory) {
  const read = (file) => fs.readFileSync(path.join(directory, file));
  const index = JSON.parse(read("index.json"));
  return {
    index,
    // The cases of a family, in the order of their ids.
    cases: (family) => JSON.parse(read(index.families[family].manifest.file)).cases,
    // The arrays of a family: Float32Array by `id/name`, in C order.
    arrays(family) {
      const data = read(index.families[family].arrays.file);
      const end = 8 + Number(data.readBigUInt64LE(0));
      const header = Object.entries(JSON.parse(data.subarray(8, end)));
      return Object.fromEntries(header.map(([name, { data_offsets: [from, to] }]) =>
        [name, new Float32Array(data.buffer.slice(data.byteOffset + end + from, data.byteOffset + end + to))]));
    },
    // The core of an operation, with `arrays` in every case: integers over 2^exponent.
    core: (operation) => JSON.parse(read(index.cores[operation].file)).cases,
  };
}

module.exports = { open };
