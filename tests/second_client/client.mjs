// A member's client on matrix-js-sdk and its Rust crypto: takes one request a line, gives one answer a line.
//
// {"id": 1, "verb": "read", ...} is answered by {"id": 1, "answer": ...} or {"id": 1, "error": "..."}. Keys are held in
// memory and end with the process; standard output carries answers only.

import { Console } from "node:console";
import { createInterface } from "node:readline";

const silent = () => {};
const quiet = { trace: silent, debug: silent, log: silent, info: silent, warn: silent };
globalThis.console = Object.assign(new Console(process.stderr, process.stderr), quiet);

const { ClientEvent, EventType, MatrixEventEvent, RoomEvent, createClient } = await import("matrix-js-sdk");
const { EventShieldColour, EventShieldReason, OnlySignedDevicesIsolationMode } = await import(
  "matrix-js-sdk/lib/crypto-api/index.js"
);
const { PollResponseEvent } = await import("matrix-js-sdk/lib/extensible_events_v1/PollResponseEvent.js");

let client;
const waiting = new Set();
const handedOut = new Set();

// Resolves with what `found` returns once that is anything at all; asked again whenever something came in.
function until(found) {
  const already = found();
  if (already) return already;
  return new Promise((resolve) => waiting.add({ found, resolve }));
}

function look() {
  for (const one of waiting) {
    const value = one.found();
    if (!value) continue;
    waiting.delete(one);
    one.resolve(value);
  }
}

async function shown(event) {
  const info = await client.getCrypto().getEncryptionInfoForEvent(event);
  return {
    event_id: event.getId(),
    sender: event.getSender(),
    body: event.getContent().body,
    encrypted: event.isEncrypted(),
    shield: info && EventShieldColour[info.shieldColour].toLowerCase(),
    reason: info?.shieldReason == null ? null : EventShieldReason[info.shieldReason].toLowerCase(),
  };
}

const verbs = {
  async log_in({ homeserver, user, password }) {
    const identifier = { type: "m.id.user", user };
    const login = await createClient({ baseUrl: homeserver }).loginRequest({
      type: "m.login.password",
      identifier,
      password,
    });
    client = createClient({
      baseUrl: homeserver,
      userId: login.user_id,
      deviceId: login.device_id,
      accessToken: login.access_token,
    });
    await client.initRustCrypto({ useIndexedDB: false });
    for (const news of [ClientEvent.Sync, MatrixEventEvent.Decrypted, RoomEvent.Timeline]) client.on(news, look);
    await client.startClient({ initialSyncLimit: 50 });
    await until(() => client.isInitialSyncComplete());
    return { device: login.device_id };
  },

  // Enters the room that someone invites to, and has seen that it is encrypted.
  async enter({ inviter }) {
    const invitation = (room) =>
      room.getMyMembership() === "invite" && room.getMember(client.getUserId())?.events.member?.getSender() === inviter;
    const { roomId } = await until(() => client.getRooms().find(invitation));
    await client.joinRoom(roomId);
    await until(() => {
      const room = client.getRoom(roomId);
      return room.getMyMembership() === "join" && room.hasEncryptionStateEvent();
    });
    return roomId;
  },

  async say({ room, text, reply }) {
    const content = { msgtype: "m.text", body: text };
    if (reply) content["m.relates_to"] = { "m.in_reply_to": { event_id: reply } };
    return (await client.sendEvent(room, EventType.RoomMessage, content)).event_id;
  },

  async react({ room, event, key }) {
    const content = { "m.relates_to": { rel_type: "m.annotation", event_id: event, key } };
    return (await client.sendEvent(room, EventType.Reaction, content)).event_id;
  },

  // Waits for words of someone that can be read and were not asked for before.
  async read({ room, sender, text }) {
    const wanted = (event) =>
      !handedOut.has(event.getId()) &&
      event.getSender() === sender && !event.isDecryptionFailure() && event.getContent().body?.includes(text);
    const event = await until(() => client.getRoom(room).getLiveTimeline().getEvents().find(wanted));
    handedOut.add(event.getId());
    return shown(event);
  },

  // Waits for a poll that can be drawn.
  async poll({ room }) {
    const drawn = (event) => event.unstableExtensibleEvent?.question && event;
    const event = await until(() => client.getRoom(room).getLiveTimeline().getEvents().find(drawn));
    const { question, answers } = event.unstableExtensibleEvent;
    const choices = Object.fromEntries(answers.map((answer) => [answer.text, answer.id]));
    return { ...(await shown(event)), question: question.text, choices };
  },

  async vote({ room, poll, choice }) {
    const { type, content } = PollResponseEvent.from([choice], poll).serialize();
    return (await client.sendEvent(room, type, content)).event_id;
  },

  async unreadable({ room }) {
    const events = client.getRoom(room).getLiveTimeline().getEvents();
    return events.filter((event) => event.isDecryptionFailure()).length;
  },

  async devices({ user }) {
    const crypto = client.getCrypto();
    const devices = (await crypto.getUserDeviceInfo([user], true)).get(user) ?? new Map();
    const statuses = [...devices.keys()].map(async (device) => {
      const status = await crypto.getDeviceVerificationStatus(user, device);
      return [device, status.signedByOwner];
    });
    return Object.fromEntries(await Promise.all(statuses));
  },

  // Vouches for this device, and from now on writes for and reads from only such as their owners vouch for.
  async isolate() {
    const crypto = client.getCrypto();
    await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: (upload) => upload(null) });
    crypto.setDeviceIsolationMode(new OnlySignedDevicesIsolationMode());
    return true;
  },
};

function give(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, verb, ...what } = JSON.parse(line);
  verbs[verb](what).then(
    (answer) => give({ id, answer }),
    (error) => give({ id, error: String(error) }),
  );
}
client?.stopClient();
process.exit(0);
