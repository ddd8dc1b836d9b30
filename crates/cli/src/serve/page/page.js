"use strict";
const $ = (id) => document.getElementById(id);
const token = new URLSearchParams(location.hash.slice(1)).get("token") || "";
let data = null;
let last = null;

async function call(path, options = {}) {
  const response = await fetch(path, { ...options, headers: { Authorization: `Bearer ${token}` } });
  if (response.ok) return response;
  let why = `the page answered ${response.status}`;
  try { why = (await response.json()).error || why; } catch { /* not JSON: the status has to do */ }
  throw new Error(why);
}

function say(text) { $("status").textContent = text; }

function fill(list, lines) {
  $(list).replaceChildren(...lines.map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  }));
}

function nonce() {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function level(features, place) {
  const low = data.low[place], high = data.high[place];
  return high > low ? (features[place] - low) / (high - low) : 0;
}

function drawImage(context, features, image) {
  const { width, height, channels, planar } = image;
  const pixels = context.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let colour = 0; colour < 3; colour += 1) {
      const channel = channels === 3 ? colour : 0;
      const place = planar ? channel * width * height + pixel : pixel * channels + channel;
      pixels.data[4 * pixel + colour] = 255 * level(features, place);
    }
    pixels.data[4 * pixel + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}

function drawBars(context, features, size) {
  context.fillStyle = "#8db0ff";
  features.forEach((_, place) => {
    const bar = Math.max(1, size * level(features, place));
    context.fillRect((place * size) / features.length, size - bar, Math.max(1, size / features.length - 1), bar);
  });
}

function draw(features) {
  const canvas = $("picture"), image = data.image, size = 280;
  canvas.width = image ? image.width : size;
  canvas.height = image ? image.height : size;
  const context = canvas.getContext("2d");
  if (image) drawImage(context, features, image); else drawBars(context, features, size);
}

function quoted(word) { return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`; }

function command(reply, question) {
  const words = ["zkdl", reply.verdict, "verify", `${reply.verdict}.answer`, "--query", question.name];
  if (!question.image) words.push("--row", String(question.row));
  return [...words, ...reply.options, "--nonce", reply.nonce, "--public", "public"].map(quoted).join(" ");
}

function showSteps(reply) {
  const all = data.steps.map(([first, end]) => `${first} to ${end - 1}`).join(", ");
  $("steps-section").hidden = reply.verdict !== "member" || data.steps.length === 0;
  const count = reply.steps.length === 0 ? "None" : reply.steps.length;
  $("steps-words").textContent = `${count} of the steps ${all}, which training proofs are about.`;
  fill("steps", reply.steps.map(String));
}

function show(reply, question) {
  last = { reply, question };
  $("result").className = reply.verdict;
  $("headline").textContent = reply.headline;
  $("asked").textContent = `You asked about ${question.name}${question.image ? "" : `, row ${question.row}`}.`;
  draw(reply.features);
  fill("proven", reply.proven);
  fill("said", reply.said);
  $("said-section").hidden = reply.said.length === 0;
  showSteps(reply);
  $("command").textContent = command(reply, question);
  $("nonce").textContent = reply.nonce;
  $("root").textContent = data.root;
  $("result").hidden = false;
  $("result").scrollIntoView({ block: "start" });
}

async function ask() {
  const file = $("file").files[0];
  const question = { name: file.name, row: Number($("row").value || 0), nonce: nonce() };
  question.image = /\.png$/i.test(file.name);
  const options = new URLSearchParams({ nonce: question.nonce, row: question.image ? 0 : question.row });
  if ($("label").value !== "") options.set("label", $("label").value);
  const reply = await (await call(`api/ask?${options}`, { method: "POST", body: file })).json();
  if (reply.nonce !== question.nonce) throw new Error("the answer is to another question");
  show(reply, question);
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("controls").disabled = true;
  $("result").hidden = true;
  say("Proving …");
  try { await ask(); say(""); } catch (error) { say(`No answer: ${error.message}.`); }
  $("controls").disabled = false;
});
$("save-answer").addEventListener("click", () => {
  const bytes = Uint8Array.from(atob(last.reply.answer), (letter) => letter.charCodeAt(0));
  save(new Blob([bytes]), `${last.reply.verdict}.answer`);
});
$("save-public").addEventListener("click", async () => {
  try { save(await (await call("api/public")).blob(), "public.zip"); } catch (error) { say(`No files: ${error.message}.`); }
});

(async () => {
  try {
    data = await (await call("api/data")).json();
    const kind = data.image ? `images of ${data.image.width} × ${data.image.height} pixels` : `rows of ${data.features} numbers`;
    const near = data.near > 0 ? `; near-duplicates are points at a squared distance of ${data.near} or less` : "";
    $("about").textContent = `${data.points.toLocaleString("en")} points, ${kind}, ${data.classes} labels${near}. Data root ${data.root}`;
  } catch (error) {
    $("about").textContent = `This page cannot be used: ${error.message}.`;
    $("controls").disabled = true;
  }
})();
