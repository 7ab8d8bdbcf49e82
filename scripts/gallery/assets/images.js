// S9: a picture before and after a kernel. The sums are of integers; a picture of one's own never leaves the page.
"use strict";

(() => {
  const taps = (said) => {
    const rows = said
      .trim()
      .split(/\n+/)
      .map((one) =>
        one
          .trim()
          .split(/[\s,]+/)
          .map((part) => part.replace("−", "-")),
      );
    const whole = rows.every((one) => one.length === rows.length && one.every((part) => /^-?\d{1,4}$/.test(part)));
    if (!whole || rows.length % 2 === 0 || rows.length > 7)
      throw new Convolution.Refusal("taps_numbers", { text: said.trim().replace(/\n/g, " / ") });
    return rows.map((one) => one.map(Number));
  };

  // The sums of taps and pixels, not yet divided, in three channels or one; the edge is repeated.
  function filtered({ width, height, channels }, kernel) {
    const side = (kernel.length - 1) / 2;
    const inside = (at, size) => Math.min(Math.max(at, 0), size - 1);
    return channels.map((pixels) => {
      const sums = new Float64Array(pixels.length);
      for (let r = 0; r < height; r++) {
        for (let c = 0; c < width; c++) {
          let sum = 0;
          kernel.forEach((row, i) =>
            row.forEach((tap, j) => {
              if (tap) sum += tap * pixels[inside(r + i - side, height) * width + inside(c + j - side, width)];
            }),
          );
          sums[r * width + c] = sum;
        }
      }
      return sums;
    });
  }

  function paint(canvas, { width, height }, channels, divisor) {
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const pixels = context.createImageData(width, height);
    for (let at = 0; at < width * height; at++) {
      for (let c = 0; c < 3; c++) pixels.data[4 * at + c] = Math.round(channels[c % channels.length][at] / divisor);
      pixels.data[4 * at + 3] = 255;
    }
    context.putImageData(pixels, 0, 0);
  }

  const builtIn = ({ size, pixels }) => ({
    width: size,
    height: size,
    channels: [Uint8Array.from(atob(pixels), (one) => one.charCodeAt(0))],
  });

  // A picture of one's own, at most 256 pixels wide or high.
  async function opened(file) {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, 256 / Math.max(bitmap.width, bitmap.height));
    const [width, height] = [bitmap.width, bitmap.height].map((one) => Math.max(1, Math.round(one * scale)));
    const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d", {
      willReadFrequently: true,
    });
    context.drawImage(bitmap, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    return {
      width,
      height,
      channels: [0, 1, 2].map((c) => Uint8Array.from({ length: width * height }, (_, at) => data[4 * at + c])),
    };
  }

  const remembered = new WeakMap();

  Gallery.picture("images", ({ state, data, figure, redraw }) => {
    const { say, number, control } = Gallery;
    const memory = remembered.get(figure) || { kernel: null, file: null, image: builtIn(data) };
    remembered.set(figure, memory);
    const file = control(figure, "file").files[0] || null;
    if (file !== memory.file) {
      memory.file = file;
      memory.refused = null;
      if (file)
        opened(file).then(
          (image) => {
            memory.image = image;
            redraw();
          },
          () => {
            memory.refused = file.name;
            redraw();
          },
        );
      else memory.image = builtIn(data);
    }
    if (memory.refused) throw new Convolution.Refusal("no_picture", { text: memory.refused });
    if (state.kernel !== memory.kernel) {
      memory.kernel = state.kernel;
      control(figure, "taps").value = data.kernels[state.kernel].taps.map((row) => row.join(" ")).join("\n");
      control(figure, "divisor").value = data.kernels[state.kernel].divisor;
    }
    const kernel = taps(control(figure, "taps").value);
    const divisor = Number(control(figure, "divisor").value);
    if (!Number.isInteger(divisor) || divisor === 0)
      throw new Convolution.Refusal("taps_numbers", { text: control(figure, "divisor").value });
    const sums = filtered(memory.image, kernel);
    const place = figure.querySelector(".canvas");
    if (!place.querySelector("canvas")) {
      const panel = (name) => {
        const block = document.createElement("div");
        block.append(
          Object.assign(document.createElement("div"), { textContent: say(name), className: "soft" }),
          document.createElement("canvas"),
        );
        return block;
      };
      const pair = Object.assign(document.createElement("div"), { className: "pair" });
      pair.append(panel("before"), panel("after"));
      place.replaceChildren(pair);
    }
    const [before, after] = place.querySelectorAll("canvas");
    paint(before, memory.image, memory.image.channels, 1);
    paint(after, memory.image, sums, divisor);
    const edited = String(kernel) === String(data.kernels[state.kernel].taps) ? state.kernel : `${state.kernel} *`;
    for (const one of [before, after]) one.setAttribute("role", "img");
    before.setAttribute("aria-label", say("before"));
    after.setAttribute("aria-label", say("image_alt", { kernel: edited }));
    const sum = kernel.flat().reduce((a, b) => a + b, 0);
    return {
      sentence: say("gain", { kernel: edited, gain: `${number(sum)}/${number(divisor)} = ${number(sum / divisor)}` }),
    };
  });
})();
