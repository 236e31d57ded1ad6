// Passkeys need a script; every page that offers one works by a code without it.
"use strict";

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const toText = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const post = (address, fields) =>
  fetch(address, { method: "POST", body: new URLSearchParams(fields), credentials: "same-origin", redirect: "manual" });

const sign = async (options) => {
  options.challenge = toBytes(options.challenge);
  (options.allowCredentials ?? []).forEach((one) => { one.id = toBytes(one.id); });
  const made = await navigator.credentials.get({ publicKey: options });
  const { authenticatorData, clientDataJSON, signature, userHandle } = made.response;
  return [made, { authenticatorData, clientDataJSON, signature, ...(userHandle ? { userHandle } : {}) }];
};

const make = async (options) => {
  options.challenge = toBytes(options.challenge);
  options.user.id = toBytes(options.user.id);
  (options.excludeCredentials ?? []).forEach((one) => { one.id = toBytes(one.id); });
  const made = await navigator.credentials.create({ publicKey: options });
  const { attestationObject, clientDataJSON } = made.response;
  return [made, { attestationObject, clientDataJSON }];
};

document.querySelectorAll("form[data-passkey]").forEach((form) => {
  // It stands there from the first moment, so that nothing moves; only a browser without passkeys takes it away.
  if (!window.PublicKeyCredential) { form.hidden = true; return; }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const status = form.querySelector("[role=status]");
    status.textContent = "";
    try {
      const answer = await post(form.dataset.passkey, { csrf: form.elements.csrf.value });
      const [made, parts] = await (form.dataset.make ? make : sign)(await answer.json());
      const response = Object.fromEntries(Object.entries(parts).map(([name, bytes]) => [name, toText(bytes)]));
      const { id, type } = made;
      const extensions = made.getClientExtensionResults();
      form.elements.passkey.value = JSON.stringify({ id, rawId: toText(made.rawId), type, response, clientExtensionResults: extensions });
      const waiting = document.querySelector("form[data-carried]");
      if (!waiting) { form.submit(); return; }
      const proved = await post(form.action, new FormData(form));
      if (proved.type !== "opaqueredirect") throw new Error("refused");
      waiting.submit();
    } catch {
      delete form.dataset.sent;
      status.textContent = form.dataset.failed;
    }
  });
});
