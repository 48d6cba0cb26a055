// What a program does with the official Node client, against the address and the key that it is given.
import assert from "node:assert/strict";
import OpenAI from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "say hello" }];

const models = await client.models.list();
assert.deepEqual(models.data.map((model) => model.id), ["hermes-agent"]);

const { data, response } = await client.chat.completions.create({ model: "hermes-agent", messages }).withResponse();
assert.equal(data.choices[0].message.content, "hello");
assert.ok(data.usage.total_tokens > 0);

const session = response.headers.get("x-hermes-session-id");
const again = await client.chat.completions
  .create({ model: "hermes-agent", messages }, { headers: { "X-Hermes-Session-Id": session } })
  .withResponse();
assert.equal(again.response.headers.get("x-hermes-session-id"), session);

let text = "";
let usage = null;
const count = [{ role: "user", content: "count to 5 slowly" }];
const options = { include_usage: true };
const stream = await client.chat.completions.create({ model: "m", messages: count, stream: true, stream_options: options });
for await (const chunk of stream) {
  text += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}
assert.equal(text, "1 2 3 4 5");
assert.ok(usage.completion_tokens > 0);

const stranger = new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 });
await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
await assert.rejects(client.chat.completions.create({ model: "m", messages: [] }), OpenAI.BadRequestError);

console.log("all is well");
