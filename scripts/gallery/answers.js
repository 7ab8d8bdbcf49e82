// Answers questions about convolution with arithmetic.js: node answers.js reads one JSON object to a line.
"use strict";

function answer(Convolution, question) {
  const kinds = {
    passes: ({ parameters, operands }) => Convolution.passes(parameters, operands),
    size: ({ parameters }) => ({ outputShape: Convolution.geometry(parameters).output_shape }),
    parse: ({ notation }) => {
      const parameters = Convolution.parse(notation);
      return { ...parameters, notation: Convolution.notation(parameters) };
    },
    sequence: ({ f, g, sign }) => Convolution.slide(f, g, sign),
    operand: ({ name, count, limit }) => ({ values: Convolution.operand(name, count, limit) }),
  };
  try {
    return kinds[question.kind](question);
  } catch (error) {
    if (!(error instanceof Convolution.Refusal)) throw error;
    return { refused: error.rule };
  }
}

if (typeof require !== "undefined") {
  const arithmetic = require("./assets/arithmetic.js");
  require("readline")
    .createInterface({ input: process.stdin })
    .on("line", (line) => {
      process.stdout.write(`${JSON.stringify(answer(arithmetic, JSON.parse(line)))}\n`);
    });
}
