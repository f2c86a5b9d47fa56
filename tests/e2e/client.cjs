// Runs the npm package braze-api, as it is, against the server: node client.cjs URL KEY. Prints what it has done as JSON.
// Endpoints that the package doesn't know are asked with fetch.
"use strict";

const assert = require("node:assert/strict");
const { Braze } = require("braze-api");

const [url, key] = process.argv.slice(2);
const braze = new Braze(url, key);
const done = [];

/** A call of the client and what it must give. */
async function step(name, call, wanted) {
  const got = await call();
  try {
    if (typeof wanted === "function") wanted(got);
    else assert.deepEqual(got, wanted);
  } catch (error) {
    error.message = `${name}: ${error.message}\ngot ${JSON.stringify(got)}`;
    throw error;
  }
  done.push(name);
}

/** A call that the server refuses. */
async function refused(name, call, status, message, errors) {
  await assert.rejects(call, (error) => {
    assert.equal(error.status, status, name);
    assert.equal(error.message, message, name);
    if (errors !== undefined) assert.deepEqual(error.errors, errors, name);
    return true;
  });
  done.push(name);
}

const alias = (name) => ({ alias_name: name, alias_label: "shop" });
const time = "2013-07-16T19:20:30+1:00";

async function users() {
  await step(
    "users.track",
    () =>
      braze.users.track({
        attributes: [
          { external_id: "ada", first_name: "Ada", email: "ada@example.com", tier: "gold" },
          { external_id: "bob", tier: "iron" },
        ],
        events: [{ external_id: "ada", name: "order", time, properties: { total: 5 } }],
        purchases: [
          { external_id: "bob", product_id: "p1", currency: "USD", price: 3.5, quantity: 2, time },
        ],
      }),
    { message: "success", attributes_processed: 2, events_processed: 1, purchases_processed: 1 },
  );
  await step(
    "users.track in bulk, partly refused",
    () =>
      braze.users.track(
        { attributes: [{ external_id: "ada", n: 1 }, { n: 1 }, { external_id: "bob", email: "x" }] },
        true,
      ),
    {
      message: "success",
      attributes_processed: 1,
      errors: [
        {
          type: "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required",
          input_array: "attributes",
          index: 1,
        },
        {
          type: "The value provided for the 'email' field is not a valid email.",
          input_array: "attributes",
          index: 2,
        },
      ],
    },
  );
  await refused(
    "users.track, nothing valid",
    () => braze.users.track({ attributes: [] }),
    400,
    "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields.",
    [],
  );
  const many = Array.from({ length: 76 }, (_, n) => ({ external_id: `u${n}` }));
  const tooMany = "Max Input Length Exceeded";
  await refused("users.track, 76", () => braze.users.track({ attributes: many }), 400, tooMany);
  await refused(
    "users.track with another key",
    () => new Braze(url, "another").users.track({ attributes: [{ external_id: "x" }] }),
    401,
    "Invalid API key",
  );
  await step(
    "users.alias.new",
    () => braze.users.alias.new({ user_aliases: [alias("a1"), { ...alias("a2"), external_id: "bob" }] }),
    { aliases_processed: 2, message: "success" },
  );
  await step(
    "users.identify",
    () =>
      braze.users.identify({ aliases_to_identify: [{ external_id: "eve", user_alias: alias("a1") }] }),
    { aliases_processed: 1, message: "success" },
  );
  await step(
    "users.merge",
    () =>
      braze.users.merge({
        merge_updates: [
          { identifier_to_merge: { external_id: "eve" }, identifier_to_keep: { external_id: "ada" } },
        ],
      }),
    { message: "success" },
  );
  await step(
    "users.export.ids",
    () =>
      braze.users.export.ids({
        external_ids: ["ada", "eve"],
        fields_to_export: ["external_id", "first_name", "custom_attributes", "custom_events", "user_aliases"],
      }),
    {
      message: "success",
      users: [
        {
          external_id: "ada",
          user_aliases: [alias("a1")],
          first_name: "Ada",
          custom_attributes: { n: 1, tier: "gold" },
          custom_events: [
            { name: "order", first: "2013-07-16T18:20:30.000Z", last: "2013-07-16T18:20:30.000Z", count: 1 },
          ],
        },
      ],
      invalid_user_ids: ["eve"],
    },
  );
  await step("users.delete", () => braze.users.delete({ external_ids: ["bob", "eve"] }), {
    deleted: 1,
    message: "success",
  });
}

async function canvases() {
  await step("canvas.list", () => braze.canvas.list({ sort_direction: "asc" }), (got) => {
    assert.equal(got.message, "success");
    assert.deepEqual(got.canvases.map((canvas) => canvas.id), ["welcome", "paused"]);
  });
  const sent = (notice) => (got) => {
    assert.match(got.dispatch_id, /^[0-9a-f]{32}$/);
    assert.equal(got.message, "success");
    assert.equal(got.notice, notice);
  };
  await step(
    "canvas.trigger.send",
    () =>
      braze.canvas.trigger.send({
        canvas_id: "welcome",
        canvas_entry_properties: { plan: "free" },
        recipients: [
          { external_user_id: "ada", canvas_entry_properties: { plan: "pro" } },
          { external_user_id: "new", send_to_existing_only: false, attributes: { tier: "lead" } },
          { external_user_id: "unknown" },
        ],
      }),
    sent(undefined),
  );
  await step(
    "canvas.trigger.send to an audience",
    () =>
      braze.canvas.trigger.send({
        canvas_id: "welcome",
        broadcast: true,
        audience: {
          AND: [
            { custom_attribute: { custom_attribute_name: "tier", comparison: "equals", value: "gold" } },
          ],
        },
      }),
    sent(undefined),
  );
  const paused = "The Canvas is paused. Resume the Canvas to ensure trigger requests will take effect.";
  await step(
    "canvas.trigger.send to a paused Canvas",
    () => braze.canvas.trigger.send({ canvas_id: "paused", recipients: [{ external_user_id: "ada" }] }),
    sent(paused),
  );
  await refused(
    "canvas.trigger.send to nobody",
    () => braze.canvas.trigger.send({ canvas_id: "welcome" }),
    400,
    "No Recipients",
  );
  let schedule_id;
  const recipients = [{ external_user_id: "ada" }];
  const far = { time: "2999-01-01T09:00:00", in_local_time: true };
  await step(
    "canvas.trigger.schedule.create",
    () => braze.canvas.trigger.schedule.create({ canvas_id: "welcome", recipients, schedule: far }),
    (got) => {
      sent(undefined)(got);
      schedule_id = got.schedule_id;
    },
  );
  const success = { message: "success" };
  await step(
    "canvas.trigger.schedule.update",
    () =>
      braze.canvas.trigger.schedule.update({
        canvas_id: "welcome",
        schedule_id,
        schedule: { time: "2999-01-01T09:00:00Z" },
      }),
    success,
  );
  const named = () => ({ canvas_id: "welcome", schedule_id });
  await step(
    "canvas.trigger.schedule.delete",
    () => braze.canvas.trigger.schedule.delete(named()),
    success,
  );
  await refused(
    "canvas.trigger.schedule.delete again",
    () => braze.canvas.trigger.schedule.delete(named()),
    400,
    "Invalid Schedule ID",
  );
}

async function blocks() {
  const { content_blocks } = braze.templates;
  let id;
  await step("content_blocks.list", () => content_blocks.list({ limit: 1 }), (got) => {
    assert.equal(got.count, 1);
    const [block] = got.content_blocks;
    assert.equal(block.liquid_tag, "{{content_blocks.${footer}}}");
    id = block.content_block_id;
  });
  await step(
    "content_blocks.get",
    () => content_blocks.get({ content_block_id: id, include_inclusion_data: true }),
    (got) => assert.deepEqual([got.content, got.inclusion_data], ["Bye", [{ canvas_id: "welcome" }]]),
  );
}

async function unknownToTheClient() {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${key}` };
  const ask = async (path, body) => {
    const method = body ? "POST" : "GET";
    const response = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
    assert.ok(response.headers.get("x-ratelimit-remaining") ?? path === "/health", path);
    return response.json();
  };
  const attributes = [{ external_id: "ada", n: { inc: 2 } }];
  await step("users/track/sync", () => ask("/users/track/sync", { attributes }), {
    users: [{ external_id: "ada", custom_attributes: { n: 3 } }],
    message: "success",
  });
  await step("canvas/details", () => ask("/canvas/details?canvas_id=welcome"), (got) =>
    assert.deepEqual([got.name, got.draft, got.message], ["welcome", false, "success"]),
  );
  await step("health", () => ask("/health"), (got) => {
    assert.deepEqual([got.status, got.write_keys, got.commit], ["ok", true, "applied"]);
  });
}

(async () => {
  await users();
  await canvases();
  await blocks();
  await unknownToTheClient();
  console.log(JSON.stringify(done));
})().catch((error) => {
  console.error(error.stack ?? error);
  process.exit(1);
});
