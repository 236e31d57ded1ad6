// Seals a ballot in the voter's browser, so that only an envelope leaves it: an X25519 sealed box as libsodium makes it.
"use strict";

(() => {
  const BITS = 64n, MASK = (1n << BITS) - 1n;
  const IV = [
    0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n,
    0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n,
  ];
  const SIGMA = [
    "0123456789abcdef", "ea489fd61c02b753", "b8c052fdae367194", "7931dcbe265a40f8", "905724afe1bc683d",
    "2c6a0b834d75fe19", "c51fed4a0763928b", "db7ec13950f4862a", "6fe9b308c2d714a5", "a2847615fb9e3cd0",
  ];

  // BLAKE2b of one block at most, which is all that the nonce of a sealed box is made of.
  const blake2b = (input, length) => {
    const block = new Uint8Array(128);
    block.set(input);
    const view = new DataView(block.buffer);
    const m = Array.from({ length: 16 }, (_, i) => view.getBigUint64(i * 8, true));
    const h = [...IV];
    h[0] ^= 0x01010000n ^ BigInt(length);
    const v = [...h, ...IV];
    v[12] ^= BigInt(input.length);
    v[14] ^= MASK;
    const turn = (x, by) => ((x >> by) | (x << (BITS - by))) & MASK;
    const mix = (a, b, c, d, x, y) => {
      v[a] = (v[a] + v[b] + x) & MASK; v[d] = turn(v[d] ^ v[a], 32n);
      v[c] = (v[c] + v[d]) & MASK; v[b] = turn(v[b] ^ v[c], 24n);
      v[a] = (v[a] + v[b] + y) & MASK; v[d] = turn(v[d] ^ v[a], 16n);
      v[c] = (v[c] + v[d]) & MASK; v[b] = turn(v[b] ^ v[c], 63n);
    };
    for (let round = 0; round < 12; round += 1) {
      const s = [...SIGMA[round % 10]].map((digit) => m[parseInt(digit, 16)]);
      mix(0, 4, 8, 12, s[0], s[1]); mix(1, 5, 9, 13, s[2], s[3]);
      mix(2, 6, 10, 14, s[4], s[5]); mix(3, 7, 11, 15, s[6], s[7]);
      mix(0, 5, 10, 15, s[8], s[9]); mix(1, 6, 11, 12, s[10], s[11]);
      mix(2, 7, 8, 13, s[12], s[13]); mix(3, 4, 9, 14, s[14], s[15]);
    }
    const out = new DataView(new ArrayBuffer(64));
    h.forEach((word, i) => out.setBigUint64(i * 8, word ^ v[i] ^ v[i + 8], true));
    return new Uint8Array(out.buffer, 0, length);
  };

  const OVERHEAD = 48;

  // The same bytes as libsodium's crypto_box_seal over sodium_pad.
  const seal = (plain, key, length) => {
    if (plain.length >= length - OVERHEAD) throw new RangeError("too long");
    const padded = new Uint8Array(length - OVERHEAD);
    padded.set(plain);
    padded[plain.length] = 0x80;
    const once = nacl.box.keyPair();
    const nonce = blake2b(new Uint8Array([...once.publicKey, ...key]), 24);
    const box = new Uint8Array([...once.publicKey, ...nacl.box(padded, nonce, key, once.secretKey)]);
    once.secretKey.fill(0);
    padded.fill(0);
    return box;
  };

  // Canonical: keys in order, no spaces.
  const write = (marks, written = []) => {
    const sorted = Object.keys(marks).sort().map((name) => `${JSON.stringify(name)}:${JSON.stringify(marks[name])}`);
    return new TextEncoder().encode(`{"m":{${sorted.join(",")}},"v":1,"w":[${[...written].sort().map((one) => JSON.stringify(one)).join(",")}]}`);
  };

  // The same for papers that answer questions: each with what was chosen, in order, or one text.
  const writeSheet = (answers) => {
    const sorted = Object.keys(answers).sort().map((name) => `${JSON.stringify(name)}:${JSON.stringify(answers[name])}`);
    return new TextEncoder().encode(`{"a":{${sorted.join(",")}},"v":1}`);
  };

  if (typeof module !== "undefined") { module.exports = { blake2b, seal, write, writeSheet }; return; }

  const paper = document.getElementById("paper"), review = document.getElementById("review");
  const envelope = document.getElementById("envelope"), readBack = document.getElementById("read-back");
  const key = Uint8Array.from(paper.dataset.key.match(/../g), (pair) => parseInt(pair, 16));
  const sheet = "sheet" in paper.dataset;
  // What a control character would need more room for than its place on the page says is left out.
  const text = (field) => field.value.replace(/\r\n?/g, "\n").replace(/[\u0000-\u0009\u000b-\u001f]/g, " ").replace(/\p{Surrogate}/gu, "\ufffd").trim();
  const answers = () => [...paper.querySelectorAll("[data-question]")].map((field) => {
    const chosen = [...field.querySelectorAll("input:checked")].filter((one) => one.value), open = field.querySelector("textarea");
    const values = open ? [text(open)].filter(Boolean) : chosen.map((one) => one.value);
    const said = open ? values : chosen.map((one) => one.parentElement.textContent.trim());
    return { id: field.dataset.question, name: field.querySelector("legend").textContent, values, said: said.join("\n") || paper.dataset.sheet };
  });
  const choices = () => sheet ? answers() : [...paper.querySelectorAll("[data-candidate]")].map((field) => {
    const chosen = field.querySelector("input:checked");
    return { id: field.dataset.candidate, name: field.querySelector("legend").textContent, mark: chosen.value, said: chosen.parentElement.textContent.trim() };
  });
  const others = () => [...paper.querySelectorAll("[data-written]")].map((field) => ({ field, name: field.options ? field.value : text(field).replace(/\s+/gu, " ") })).filter((one) => one.name);
  const show = (reviewing) => {
    paper.hidden = reviewing;
    review.hidden = !reviewing;
  };

  paper.addEventListener("submit", (event) => {
    event.preventDefault();
    delete paper.dataset.sent;
    const chosen = choices();
    const written = others(), number = (mark) => chosen.filter((one) => one.mark === mark).length;
    const tooMany = number("Y") + written.length > Number(paper.dataset.seats);
    const badOthers = written.length > number("N") || new Set(written.map((one) => one.name)).size < written.length || written.some((one) => !one.field.options && chosen.some((each) => each.name.trim() === one.name));
    document.getElementById("too-many").hidden = !tooMany;
    if (document.getElementById("bad-others")) document.getElementById("bad-others").hidden = !badOthers;
    if (tooMany || badOthers) return;
    chosen.push(...written.map(({ field, name }) => ({ name: field.labels[0].textContent, said: field.options ? field.selectedOptions[0].textContent : name })));
    readBack.replaceChildren(...chosen.map((one) => {
      const row = document.createElement("div"), name = document.createElement("dt"), said = document.createElement("dd");
      name.textContent = one.name;
      said.textContent = one.said;
      row.append(name, said);
      return row;
    }));
    show(true);
    review.focus();
  });
  document.getElementById("back").addEventListener("click", () => { show(false); (paper.querySelector("input:checked") ?? paper.querySelector("input, textarea")).focus(); });
  envelope.addEventListener("submit", (event) => {
    const filled = sheet ? writeSheet(Object.fromEntries(answers().filter((one) => one.values.length).map((one) => [one.id, one.values]))) : null;
    const marks = Object.fromEntries(choices().filter((one) => one.mark).map((one) => [one.id, one.mark]));
    try {
      const plain = filled ?? write(marks, others().map((one) => one.name));
      envelope.elements.box.value = btoa(String.fromCharCode(...seal(plain, key, Number(paper.dataset.length))));
    } catch (error) {
      // An envelope that was not sealed must never leave, not as an empty one either.
      event.preventDefault();
      document.getElementById("not-sealed").hidden = false;
      return;
    }
    paper.reset();
    readBack.replaceChildren();
  });
  if (typeof nacl !== "undefined") paper.querySelector("button[type=submit]").disabled = false;
  // Whoever comes back finds an empty ballot.
  window.addEventListener("pageshow", () => { paper.reset(); envelope.reset(); show(false); });
})();
