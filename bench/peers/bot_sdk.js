// matrix-bot-sdk as its documentation shows it: a handler for messages that answers.
const Module = require("node:module");
const load = Module._load;
// The SDK loads its native cryptography even where nothing is encrypted; the registry's package does not hold it.
Module._load = (name, ...rest) => (name === "@matrix-org/matrix-sdk-crypto-nodejs" ? {} : load(name, ...rest));
const { MatrixClient, MemoryStorageProvider, LogService, LogLevel } = require("matrix-bot-sdk");

LogService.setLevel(LogLevel.ERROR);
const commands = new Set(JSON.parse(process.env.BENCH_COMMANDS));
const client = new MatrixClient(process.env.BENCH_URL, process.env.BENCH_TOKEN, new MemoryStorageProvider());

client.on("room.message", async (room, event) => {
    if (event.sender !== process.env.BENCH_USER && commands.has(event.content?.body)) {
        await client.sendMessage(room, { msgtype: "m.notice", body: event.content.body });
    }
});
client.start();
