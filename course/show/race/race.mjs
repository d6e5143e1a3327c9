// The race: an RNN layer against an attention layer on the reader's own device, forward and backward, a batch, equal work.
// No library, no network. One module for every place: a page, a notebook's text/html, an anywidget (export default).
//
// Sizes: B sequences, T words, D numbers a state of the RNN, A numbers a word in attention. Rows of the RNN lie word by
// word (t·B + b), rows of attention sequence by sequence (b·T + t).

export const LENGTHS = [16, 32, 64, 128, 256, 512, 1024];
const ROUNDS = 5;          // samples of each contestant, taken in turns; with fewer, equal ones often lie apart (lesson 00)
const LEAST = 30;          // ms that a sample takes at least, so that a coarse clock can read it
const BUDGET = 30;         // seconds for the whole race
const TOLERANCE = 1e-4;    // of the numbers, against the plain loop, relative to the largest
const NARROWEST = 12;      // of attention's width: below, equal work is no fair race

const CONTESTANTS = {
  step: { label: "RNN, a dispatch a step", model: "rnn", colour: "#D55E00", dash: "" },
  fused: { label: "RNN, all steps in one dispatch", model: "rnn", colour: "#D55E00", dash: "7 4" },
  attention: { label: "attention", model: "attention", colour: "#0072B2", dash: "" },
  rnnThread: { label: "RNN, one thread", model: "rnn", colour: "#D55E00", dash: "" },
  rnnWorkers: { label: "RNN, sequences on workers", model: "rnn", colour: "#D55E00", dash: "7 4" },
  attentionThread: { label: "attention, one thread", model: "attention", colour: "#0072B2", dash: "" },
  attentionWorkers: { label: "attention, words on workers", model: "attention", colour: "#0072B2", dash: "7 4" },
};

// ---- counting: the closed forms of helpers.counting.cost, which a test holds against these

const log = n => Math.ceil(Math.log2(n));

/** Work in multiply–adds and span in levels of one forward and one backward pass of an Elman layer. */
export function countRnn(T, D, B) {
  const forward = T * (log(2 * D + 1) + 2), back = (T - 1) * (log(D + 1) + 2) + 4 + Math.max(log(B * T), log(D));
  return { work: 2 * B * T * D * D + B * (4 * T - 1) * D * D, span: forward + back };
}

/** The same of one attention layer with a single head and four projections. */
export function countAttention(T, A, B) {
  const forward = 3 * log(T) + 3 * log(A) + 8, back = 2 * log(T) + 2 * log(A) + Math.max(log(3 * A), log(B * T)) + 8;
  return { work: 3 * B * (4 * T * A * A + 2 * T * T * A), span: forward + back };
}

/** The width at which attention does the work of an RNN of width D, rounded. */
export function widthOfEqualWork(T, D) {
  const c = ((6 * T - 1) * D * D) / 3;  // 4TA² + 2T²A = c
  return Math.max(1, Math.round((Math.sqrt(4 * T ** 4 + 16 * T * c) - 2 * T * T) / (8 * T)));
}

// ---- the inputs, the same on every device

function normal(seed, size, scale) {  // mulberry32, then Box and Muller
  const next = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let z = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
  return Float32Array.from({ length: size }, () => scale * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()));
}

/** Inputs X, weights, and dY, the gradient that comes from above, of both layers. */
export function setUp(T, D, B) {
  const A = widthOfEqualWork(T, D), root = 1 / Math.sqrt(D), narrow = 1 / Math.sqrt(A);
  return {
    T, D, B, A,
    rnn: {
      T, B, D, X: normal(1, T * B * D, 1), U: normal(2, D * D, root), W: normal(3, D * D, 0.9 * root), b: normal(4, D, 0.3),
      dY: normal(5, T * B * D, 1),
    },
    attention: {
      T, B, A, X: normal(6, B * T * A, 1), QKV: normal(7, 3 * A * A, narrow), O: normal(8, A * A, narrow), dY: normal(9, B * T * A, 1),
    },
  };
}

// ---- the truth: both layers by their definition, number by number, for the sequences that are asked for

/** {states (T·B·D), dX, dU, dW, db} of h = tanh(U x + W h + b); other sequences stay zero and send no gradient. */
export function trueRnn({ T, B, D, X, U, W, b, dY }, sequences) {
  const states = new Float64Array(T * B * D), dX = new Float64Array(T * B * D);
  const dU = new Float64Array(D * D), dW = new Float64Array(D * D), db = new Float64Array(D);
  for (const s of sequences) {
    const row = t => (t * B + s) * D;
    for (let t = 0; t < T; t++) {
      for (let i = 0; i < D; i++) {
        let sum = b[i];
        for (let j = 0; j < D; j++) sum += U[i * D + j] * X[row(t) + j] + (t ? W[i * D + j] * states[row(t - 1) + j] : 0);
        states[row(t) + i] = Math.tanh(sum);
      }
    }
    let later = new Float64Array(D);  // the gradient of h that the next word sends back
    for (let t = T - 1; t >= 0; t--) {
      const g = Float64Array.from({ length: D }, (_, i) => (dY[row(t) + i] + later[i]) * (1 - states[row(t) + i] ** 2));
      later = new Float64Array(D);
      for (let i = 0; i < D; i++) {
        db[i] += g[i];
        for (let j = 0; j < D; j++) {
          later[j] += W[i * D + j] * g[i];
          dX[row(t) + j] += U[i * D + j] * g[i];
          dU[i * D + j] += g[i] * X[row(t) + j];
          if (t) dW[i * D + j] += g[i] * states[row(t - 1) + j];
        }
      }
    }
  }
  return { states, dX, dU, dW, db };
}

/** {Y (B·T·A), dX, dQKV, dO} of softmax(Q Kᵀ / √A) V O, where (Q, K, V) = X QKV. */
export function trueAttention({ T, B, A, X, QKV, O, dY }, sequences) {
  const size = B * T * A, Y = new Float64Array(size), dX = new Float64Array(size);
  const dQKV = new Float64Array(3 * A * A), dO = new Float64Array(A * A), root = Math.sqrt(A);
  for (const s of sequences) {
    const at = (t, c) => (s * T + t) * A + c;
    const q = new Float64Array(T * A), k = new Float64Array(T * A), v = new Float64Array(T * A);
    [q, k, v].forEach((into, part) => {
      for (let t = 0; t < T; t++) for (let c = 0; c < A; c++)
        for (let j = 0; j < A; j++) into[t * A + c] += X[at(t, j)] * QKV[j * 3 * A + part * A + c];
    });
    const dq = new Float64Array(T * A), dk = new Float64Array(T * A), dv = new Float64Array(T * A);
    for (let t = 0; t < T; t++) {
      const score = new Float64Array(T), mixed = new Float64Array(A), dMixed = new Float64Array(A);
      for (let r = 0; r < T; r++) for (let c = 0; c < A; c++) score[r] += (q[t * A + c] * k[r * A + c]) / root;
      const top = score.reduce((a, b) => Math.max(a, b)), weight = score.map(x => Math.exp(x - top));
      const total = weight.reduce((a, b) => a + b);
      for (let r = 0; r < T; r++) {
        weight[r] /= total;
        for (let c = 0; c < A; c++) mixed[c] += weight[r] * v[r * A + c];
      }
      for (let c = 0; c < A; c++) for (let j = 0; j < A; j++) {
        Y[at(t, c)] += mixed[j] * O[j * A + c];
        dO[j * A + c] += mixed[j] * dY[at(t, c)];
        dMixed[j] += O[j * A + c] * dY[at(t, c)];
      }
      const dWeight = new Float64Array(T);
      for (let r = 0; r < T; r++) for (let c = 0; c < A; c++) {
        dWeight[r] += dMixed[c] * v[r * A + c];
        dv[r * A + c] += weight[r] * dMixed[c];
      }
      const mean = weight.reduce((sum, w, r) => sum + w * dWeight[r], 0);
      for (let r = 0; r < T; r++) {
        const dScore = (weight[r] * (dWeight[r] - mean)) / root;
        for (let c = 0; c < A; c++) {
          dq[t * A + c] += dScore * k[r * A + c];
          dk[r * A + c] += dScore * q[t * A + c];
        }
      }
    }
    [dq, dk, dv].forEach((from, part) => {
      for (let t = 0; t < T; t++) for (let c = 0; c < A; c++) for (let j = 0; j < A; j++) {
        dX[at(t, j)] += from[t * A + c] * QKV[j * 3 * A + part * A + c];
        dQKV[j * 3 * A + part * A + c] += X[at(t, j)] * from[t * A + c];
      }
    });
  }
  return { Y, dX, dQKV, dO };
}

/** How far an array is from the truth, relative to its largest number; Infinity where the sizes differ or one is nan. */
function distance(numbers, truth) {
  if (numbers.length !== truth.length) return Infinity;
  let furthest = 0, largest = 1;
  for (let i = 0; i < truth.length; i++) {
    const gap = Math.abs(numbers[i] - truth[i]);
    if (!(gap <= furthest)) furthest = Number.isNaN(gap) ? Infinity : gap;
    largest = Math.max(largest, Math.abs(truth[i]));
  }
  return furthest / largest;
}

const NAMES = {  // of what a contestant returns, for a person
  states: "the states", Y: "the results", dX: "the gradient of the words", dU: "the gradient of U", dW: "the gradient of W",
  db: "the gradient of b", dQKV: "the gradient of the projections", dO: "the gradient of the output projection",
};

/** A sentence for each result of a contestant that is not the truth's. */
export function differences(name, results, truth) {
  return Object.keys(truth).flatMap(key => {
    const gap = distance(results[key], truth[key]);
    return gap < TOLERANCE ? [] : [`${CONTESTANTS[name].label}: ${NAMES[key]} are off by ${gap.toExponential(0)}`.replace("gradient of", "gradients of")];
  });
}

// ---- on a GPU

/** The shaders. D: the RNN's width, a multiple of 16; S: threads that share one sum where a workgroup does all steps.
 *  Sizes are written into the text: Safari makes workgroup arrays of override size empty. 16 kB of them are guaranteed. */
export const shader = (D, S) => /* wgsl */ `
const D = ${D}u;
const S = ${S}u;
struct Call {  // sizes of a product, then start, row, column and batch strides of its parts; or T, B and this step
  M: u32, N: u32, K: u32, t: u32,
  a: vec4u, b: vec4u, c: vec4u,
  scale: f32, T: u32, B: u32, unused: u32,
}
@group(0) @binding(0) var<storage, read> left: array<f32>;
@group(0) @binding(1) var<storage, read> right: array<f32>;
@group(0) @binding(2) var<storage, read> third: array<f32>;
@group(0) @binding(3) var<storage, read_write> result: array<f32>;
@group(0) @binding(4) var<uniform> call: Call;

// A product of matrices: 64 × 64 results a workgroup, 4 × 4 a thread, 16 deep at a time.
var<workgroup> rows: array<f32, 1024>;
var<workgroup> columns: array<f32, 1024>;
@compute @workgroup_size(16, 16)
fn product(@builtin(workgroup_id) g: vec3u, @builtin(local_invocation_id) l: vec3u, @builtin(local_invocation_index) n: u32) {
  var sums: array<vec4f, 4>;
  for (var k0 = 0u; k0 < call.K; k0 += 16) {
    for (var e = n; e < 1024; e += 256) {
      let i = g.y * 64 + e / 16;
      let k = k0 + e % 16;
      var number = 0.0;
      if (i < call.M && k < call.K) { number = left[call.a.x + i * call.a.y + k * call.a.z + g.z * call.a.w]; }
      rows[(e % 16) * 64 + e / 16] = number;
      let j = g.x * 64 + e % 64;
      let deep = k0 + e / 64;
      number = 0.0;
      if (j < call.N && deep < call.K) { number = right[call.b.x + deep * call.b.y + j * call.b.z + g.z * call.b.w]; }
      columns[e] = number;
    }
    workgroupBarrier();
    for (var k = 0u; k < 16; k++) {
      let at = k * 64 + l.x * 4;
      let column = vec4f(columns[at], columns[at + 1], columns[at + 2], columns[at + 3]);
      for (var p = 0u; p < 4; p++) { sums[p] += rows[k * 64 + l.y * 4 + p] * column; }
    }
    workgroupBarrier();
  }
  for (var p = 0u; p < 4; p++) {
    let i = g.y * 64 + l.y * 4 + p;
    for (var q = 0u; q < 4; q++) {
      let j = g.x * 64 + l.x * 4 + q;
      if (i < call.M && j < call.N) { result[call.c.x + i * call.c.y + j * call.c.z + g.z * call.c.w] = call.scale * sums[p][q]; }
    }
  }
}

// What B sequences send to a weight, added up: N numbers from each.
@compute @workgroup_size(64)
fn gather(@builtin(global_invocation_id) g: vec3u) {
  if (g.x >= call.N) { return; }
  var sum = 0.0;
  for (var s = 0u; s < call.B; s++) { sum += left[s * call.N + g.x]; }
  result[g.x] = sum;
}

// The RNN, a step a dispatch. left: W transposed, or W on the way back; right: U x, or dY; third: b, or the states.
// result: the states, or the gradients before the tanh, with a row of zeros before the first word, or after the last.
var<workgroup> part: array<f32, 256>;
fn from_16(l: vec3u) -> f32 {
  var total = 0.0;
  for (var s = 0u; s < 16; s++) { total += part[s * 16 + l.x]; }
  return total;
}
@compute @workgroup_size(16, 16)
fn step(@builtin(workgroup_id) g: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let i = g.x * 16 + l.x;
  let row = (call.t * call.B + g.y) * D;  // of the state before
  var sum = 0.0;
  for (var j = l.y; j < D; j += 16) { sum += left[j * D + i] * result[row + j]; }
  part[l.y * 16 + l.x] = sum;
  workgroupBarrier();
  if (l.y == 0) { result[row + call.B * D + i] = tanh(from_16(l) + right[row + i] + third[i]); }
}
@compute @workgroup_size(16, 16)
fn step_back(@builtin(workgroup_id) g: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let i = g.x * 16 + l.x;
  let row = (call.t * call.B + g.y) * D;
  let later = row + call.B * D;
  var sum = 0.0;
  for (var j = l.y; j < D; j += 16) { sum += left[j * D + i] * result[later + j]; }
  part[l.y * 16 + l.x] = sum;
  workgroupBarrier();
  if (l.y == 0) {
    let h = third[later + i];  // the states have a row of zeros first
    result[row + i] = (from_16(l) + right[row + i]) * (1 - h * h);
  }
}

// The RNN, all steps in one dispatch: a sequence a workgroup, whose state stays there.
var<workgroup> shared_sums: array<f32, D * S>;
var<workgroup> state: array<f32, D>;
fn from_shared(i: u32) -> f32 {
  var total = 0.0;
  for (var s = 0u; s < S; s++) { total += shared_sums[s * D + i]; }
  return total;
}
@compute @workgroup_size(D, S)
fn all_steps(@builtin(workgroup_id) g: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let i = l.x;
  if (l.y == 0) { state[i] = 0; }
  workgroupBarrier();
  for (var t = 0u; t < call.T; t++) {
    let row = (t * call.B + g.x) * D;
    var sum = 0.0;
    for (var j = l.y; j < D; j += S) { sum += left[j * D + i] * state[j]; }
    shared_sums[l.y * D + i] = sum;
    workgroupBarrier();
    if (l.y == 0) {
      state[i] = tanh(from_shared(i) + right[row + i] + third[i]);
      result[row + call.B * D + i] = state[i];
    }
    workgroupBarrier();
  }
}
@compute @workgroup_size(D, S)
fn all_steps_back(@builtin(workgroup_id) g: vec3u, @builtin(local_invocation_id) l: vec3u) {
  let i = l.x;
  if (l.y == 0) { state[i] = 0; }
  workgroupBarrier();
  for (var t = call.T; t > 0; t--) {
    let row = ((t - 1) * call.B + g.x) * D;
    var sum = 0.0;
    for (var j = l.y; j < D; j += S) { sum += left[j * D + i] * state[j]; }
    shared_sums[l.y * D + i] = sum;
    workgroupBarrier();
    if (l.y == 0) {
      let h = third[row + call.B * D + i];
      state[i] = (from_shared(i) + right[row + i]) * (1 - h * h);
      result[row + i] = state[i];
    }
    workgroupBarrier();
  }
}

// Softmax over N scores, a row a workgroup, where they lie; and its way back: left the weights, result their gradients.
var<workgroup> tree: array<f32, 64>;
fn over_64(n: u32, number: f32, largest: bool) -> f32 {
  tree[n] = number;
  for (var k = 32u; k > 0; k /= 2) {
    workgroupBarrier();
    if (n < k) { tree[n] = select(tree[n] + tree[n + k], max(tree[n], tree[n + k]), largest); }
  }
  workgroupBarrier();
  let over_all = tree[0];
  workgroupBarrier();
  return over_all;
}
@compute @workgroup_size(64)
fn softmax(@builtin(workgroup_id) g: vec3u, @builtin(local_invocation_index) n: u32) {
  let row = g.x * call.N;
  var top = -1e30;
  for (var r = n; r < call.N; r += 64) { top = max(top, result[row + r]); }
  top = over_64(n, top, true);
  var total = 0.0;
  for (var r = n; r < call.N; r += 64) {
    let share = exp(result[row + r] - top);
    result[row + r] = share;
    total += share;
  }
  total = over_64(n, total, false);
  for (var r = n; r < call.N; r += 64) { result[row + r] /= total; }
}
@compute @workgroup_size(64)
fn softmax_back(@builtin(workgroup_id) g: vec3u, @builtin(local_invocation_index) n: u32) {
  let row = g.x * call.N;
  var mean = 0.0;
  for (var r = n; r < call.N; r += 64) { mean += left[row + r] * result[row + r]; }
  mean = over_64(n, mean, false);
  for (var r = n; r < call.N; r += 64) { result[row + r] = left[row + r] * (result[row + r] - mean); }
}`;

/** The GPU, or {why: there is none}. clock: use its own clock where it has one. */
async function openGpu({ clock = true } = {}) {
  if (!globalThis.navigator?.gpu) return { why: globalThis.isSecureContext ? "this browser has no WebGPU" : "WebGPU needs https or a file" };
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return { why: "WebGPU finds no graphics processor" };
  const clocked = clock && adapter.features.has("timestamp-query");
  const wanted = { maxComputeInvocationsPerWorkgroup: 1024, maxComputeWorkgroupSizeX: 1024, maxStorageBufferBindingSize: 2 ** 27, maxBufferSize: 2 ** 28 };
  const requiredLimits = Object.fromEntries(Object.entries(wanted).map(([name, most]) => [name, Math.min(adapter.limits[name], most)]));
  const device = await adapter.requestDevice({ requiredFeatures: clocked ? ["timestamp-query"] : [], requiredLimits });
  const info = adapter.info ?? {}, name = [info.vendor, info.architecture, info.description].filter(Boolean).join(" ") || "unnamed";
  const software = Boolean(info.isFallbackAdapter ?? adapter.isFallbackAdapter) || /swiftshader|llvmpipe|lavapipe|warp|basic render/i.test(name);
  return { device, clocked, name, software, threads: device.limits.maxComputeInvocationsPerWorkgroup };
}

/** The contestants on a GPU: {name: {run(times) → ms a run, read() → results}}, "nothing" among them, and close(). */
function onGpu(gpu, race, text) {
  const { device, clocked } = gpu, { T, D, B, A } = race, S = Math.max(1, Math.min(4, Math.floor(gpu.threads / D)));
  const usage = GPUBufferUsage, buffers = [];
  const buffer = (bytes, how, content) => {
    const made = device.createBuffer({ size: Math.max(16, Math.ceil(bytes / 4) * 4), usage: how });
    buffers.push(made);
    if (content) device.queue.writeBuffer(made, 0, content);
    return made;
  };
  const numbers = (content, size = content.length) => buffer(4 * size, usage.STORAGE | usage.COPY_SRC | usage.COPY_DST, content);
  const room = size => numbers(undefined, size);
  const module = device.createShaderModule({ code: text(shader(D, S)) });
  const kinds = ["read-only-storage", "read-only-storage", "read-only-storage", "storage", "uniform"];
  const layout = device.createBindGroupLayout({
    entries: kinds.map((type, binding) => ({
      binding, visibility: GPUShaderStage.COMPUTE, buffer: { type, hasDynamicOffset: type === "uniform" },
    })),
  });
  const pipelineLayout = device.createPipelineLayout({ bindGroupLayouts: [layout] }), pipelines = {};
  const pipeline = entryPoint => (pipelines[entryPoint] ??= device.createComputePipeline({ layout: pipelineLayout, compute: { module, entryPoint } }));

  // A call is a dispatch with its sizes; all sizes lie in one buffer, 256 bytes a call.
  const calls = [], none = room(4);
  let sizes;  // made when all calls are known
  const call = (entry, [left, right = none, third = none], result, groups, { M = 0, N = 0, K = 0, t = 0, a = [], b = [], c = [], scale = 1 } = {}) => {
    const whole = new Uint32Array(64), strides = list => [0, 1, 2, 3].map(i => list[i] ?? 0);
    whole.set([M, N, K, t, ...strides(a), ...strides(b), ...strides(c)]);
    new Float32Array(whole.buffer)[16] = scale;
    whole.set([T, B], 17);
    const made = { entry, buffers: [left, right, third, result], groups, whole, offset: 256 * calls.length };
    calls.push(made);
    return made;
  };
  // result[i][j] = scale Σ left[i][k] right[k][j]; a, b, c: [start, stride of a row, of a column, of a batch].
  const product = (left, right, result, [M, N, K], a, b, c, { batch = 1, scale = 1 } = {}) =>
    call("product", [left, right], result, [Math.ceil(N / 64), Math.ceil(M / 64), batch], { M, N, K, a, b, c, scale });
  // A weight's gradient Σ rowsᵀ · columns: a sequence by itself, then all added up. row: strides of a word and a sequence.
  const weights = (left, [m, leftStart, leftWord, leftSequence], right, [n, rightStart, rightWord, rightSequence], result) => {
    const parts = room(B * m * n);
    return [
      product(left, right, parts, [m, n, T], [leftStart, 1, leftWord, leftSequence], [rightStart, rightWord, 1, rightSequence], [0, n, 1, m * n], { batch: B }),
      call("gather", [parts], result, [Math.ceil((m * n) / 64), 1, 1], { N: m * n }),
    ];
  };

  // Each contestant has buffers of its own: what one left out must not be there already, from another.
  const rnn = stepwise => {
    const p = race.rnn, R = T * B, transposed = W => W.map((_, n) => W[(n % D) * D + Math.floor(n / D)]);
    const [X, U, W, Wt, b, dY] = [p.X, p.U, p.W, transposed(p.W), p.b, p.dY].map(content => numbers(content));
    const [UX, H, G, dX, dU, dW, db] = [R * D, (T + 1) * B * D, (T + 1) * B * D, R * D, D * D, D * D, D].map(room);
    const ones = numbers(new Float32Array(R).fill(1)), groups = [D / 16, B, 1];
    const before = [product(X, U, UX, [R, D, D], [0, D, 1], [0, 1, D], [0, D, 1])];
    const after = [
      product(G, U, dX, [R, D, D], [0, D, 1], [0, D, 1], [0, D, 1]),
      ...weights(G, [D, 0, B * D, D], X, [D, 0, B * D, D], dU),
      ...weights(G, [D, 0, B * D, D], H, [D, 0, B * D, D], dW),  // H begins with the state before the first word
      product(ones, G, db, [1, D, R], [0, R, 1], [0, D, 1], [0, D, 1]),
    ];
    const words = Array.from({ length: T }, (_, t) => t);
    const steps = stepwise ? [
      ...words.map(t => call("step", [Wt, UX, b], H, groups, { t })),
      ...words.reverse().map(t => call("step_back", [W, dY, H], G, groups, { t })),
    ] : [call("all_steps", [Wt, UX, b], H, [B, 1, 1]), call("all_steps_back", [W, dY, H], G, [B, 1, 1])];
    const results = { states: [H, B * D, R * D], dX: [dX, 0, R * D], dU: [dU, 0, D * D], dW: [dW, 0, D * D], db: [db, 0, D] };
    return { calls: [...before, ...steps, ...after], results, upper: dY };
  };
  const attention = () => {
    const p = race.attention, R = B * T, n = 3 * A, scale = 1 / Math.sqrt(A);
    const [X, QKV, O, dY] = [p.X, p.QKV, p.O, p.dY].map(content => numbers(content));
    const [qkv, P, mixed, Y] = [R * n, B * T * T, R * A, R * A].map(room);
    const [dqkv, dP, dMixed, dX, dQKV, dO] = [R * n, B * T * T, R * A, R * A, n * A, A * A].map(room);
    const q = 0, k = A, v = 2 * A, each = { batch: B };
    const list = [
      product(X, QKV, qkv, [R, n, A], [0, A, 1], [0, n, 1], [0, n, 1]),
      product(qkv, qkv, P, [T, T, A], [q, n, 1, T * n], [k, 1, n, T * n], [0, T, 1, T * T], { batch: B, scale }),
      call("softmax", [none], P, [R, 1, 1], { N: T }),
      product(P, qkv, mixed, [T, A, T], [0, T, 1, T * T], [v, n, 1, T * n], [0, A, 1, T * A], each),
      product(mixed, O, Y, [R, A, A], [0, A, 1], [0, A, 1], [0, A, 1]),
      // and back
      product(dY, O, dMixed, [R, A, A], [0, A, 1], [0, 1, A], [0, A, 1]),
      ...weights(mixed, [A, 0, A, T * A], dY, [A, 0, A, T * A], dO),
      product(P, dMixed, dqkv, [T, A, T], [0, 1, T, T * T], [0, A, 1, T * A], [v, n, 1, T * n], each),
      product(dMixed, qkv, dP, [T, T, A], [0, A, 1, T * A], [v, 1, n, T * n], [0, T, 1, T * T], each),
      call("softmax_back", [P], dP, [R, 1, 1], { N: T }),
      product(dP, qkv, dqkv, [T, A, T], [0, T, 1, T * T], [k, n, 1, T * n], [q, n, 1, T * n], { batch: B, scale }),
      product(dP, qkv, dqkv, [T, A, T], [0, 1, T, T * T], [q, n, 1, T * n], [k, n, 1, T * n], { batch: B, scale }),
      product(dqkv, QKV, dX, [R, A, n], [0, n, 1], [0, 1, n], [0, A, 1]),
      ...weights(X, [A, 0, A, T * A], dqkv, [n, 0, n, T * n], dQKV),
    ];
    return { calls: list, results: { Y: [Y, 0, R * A], dX: [dX, 0, R * A], dQKV: [dQKV, 0, n * A], dO: [dO, 0, A * A] }, upper: dY };
  };

  const query = clocked && device.createQuerySet({ type: "timestamp", count: 2 });
  const ticks = clocked && buffer(16, usage.QUERY_RESOLVE | usage.COPY_SRC);
  async function fetchBack(source, start, bytes) {
    const copy = device.createBuffer({ size: bytes, usage: usage.MAP_READ | usage.COPY_DST }), encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(source, start, copy, 0, bytes);
    device.queue.submit([encoder.finish()]);
    await copy.mapAsync(GPUMapMode.READ);
    const content = copy.getMappedRange().slice(0);
    copy.destroy();
    return content;
  }
  const contestant = ({ calls: list, results, upper }) => ({
    async run(times) {
      const start = performance.now(), encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass(clocked ? { timestampWrites: { querySet: query, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 } } : {});
      let last;
      for (let r = 0; r < times; r++)
        for (const one of list) {
          if (one.pipeline !== last) pass.setPipeline((last = one.pipeline));
          pass.setBindGroup(0, one.group, [one.offset]);
          pass.dispatchWorkgroups(...one.groups);
        }
      pass.end();
      if (clocked) encoder.resolveQuerySet(query, 0, 2, ticks, 0);
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
      const wall = (performance.now() - start) / times;
      if (!clocked) return { wall, time: wall };
      const [began, ended] = new BigUint64Array(await fetchBack(ticks, 0, 16));
      return { wall, time: Number(ended - began) / 1e6 / times };
    },
    async read() {
      const read = {};
      for (const [name, [source, start, size]] of Object.entries(results)) read[name] = new Float32Array(await fetchBack(source, 4 * start, 4 * size));
      return read;
    },
    replace: dY => device.queue.writeBuffer(upper, 0, dY),
  });
  const whole = { step: rnn(true), fused: rnn(false), attention: attention(), nothing: { calls: [], results: {}, upper: none } };
  sizes = buffer(256 * Math.max(1, calls.length), usage.UNIFORM | usage.COPY_DST);
  for (const one of calls) {
    device.queue.writeBuffer(sizes, one.offset, one.whole.subarray(0, 20));
    one.pipeline = pipeline(one.entry);
    const entries = [...one.buffers.map(each => ({ buffer: each })), { buffer: sizes, size: 80 }];
    one.group = device.createBindGroup({ layout, entries: entries.map((resource, binding) => ({ binding, resource })) });
  }
  const contestants = Object.fromEntries(Object.entries(whole).map(([name, each]) => [name, contestant(each)]));
  return { ...contestants, close() { buffers.forEach(each => each.destroy()); query?.destroy?.(); } };
}

// ---- on a CPU: the same layers in JavaScript, in one thread and on workers. Each function is sent to a worker as text.

/** The RNN's way there and back for some sequences; loops run along memory. */
function rnnShare({ T, B, D, X, U, W, b, dY }, [first, end]) {
  const n = end - first, states = new Float64Array((T + 1) * n * D), dX = new Float64Array(T * n * D), g = new Float64Array(D);
  const dU = new Float64Array(D * D), dW = new Float64Array(D * D), db = new Float64Array(D), Ut = new Float64Array(D * D), Wt = new Float64Array(D * D);
  for (let i = 0; i < D; i++) for (let j = 0; j < D; j++) { Ut[j * D + i] = U[i * D + j]; Wt[j * D + i] = W[i * D + j]; }
  for (let t = 0; t < T; t++)
    for (let s = 0; s < n; s++) {
      const word = (t * B + first + s) * D, before = (t * n + s) * D, here = before + n * D;
      for (let i = 0; i < D; i++) states[here + i] = b[i];
      for (let j = 0; j < D; j++) {
        const x = X[word + j], h = states[before + j];
        for (let i = 0; i < D; i++) states[here + i] += Ut[j * D + i] * x + Wt[j * D + i] * h;
      }
      for (let i = 0; i < D; i++) states[here + i] = Math.tanh(states[here + i]);
    }
  let later = new Float64Array(n * D), earlier = new Float64Array(n * D);
  for (let t = T - 1; t >= 0; t--) {
    earlier.fill(0);
    for (let s = 0; s < n; s++) {
      const word = (t * B + first + s) * D, before = (t * n + s) * D, here = before + n * D;
      for (let i = 0; i < D; i++) {
        const gi = (g[i] = (dY[word + i] + later[s * D + i]) * (1 - states[here + i] ** 2));
        db[i] += gi;
        for (let j = 0; j < D; j++) {
          earlier[s * D + j] += W[i * D + j] * gi;
          dX[before + j] += U[i * D + j] * gi;
          dU[i * D + j] += gi * X[word + j];
          dW[i * D + j] += gi * states[before + j];
        }
      }
    }
    [later, earlier] = [earlier, later];
  }
  return { states: states.subarray(n * D), dX, dU, dW, db };
}

/** Queries, keys and values of some rows (b·T + t). */
function projectShare({ A, X, QKV }, [first, end]) {
  const n = 3 * A, qkv = new Float64Array((end - first) * n);
  for (let r = first; r < end; r++)
    for (let j = 0; j < A; j++) {
      const x = X[r * A + j];
      for (let c = 0; c < n; c++) qkv[(r - first) * n + c] += x * QKV[j * n + c];
    }
  return { qkv };
}

/** Some queries of one sequence, there and back; what they send to its keys and values is added up by whoever calls. */
function attendShare({ T, A, O, dY }, qkv, [first, end]) {
  const n = 3 * A, rows = end - first, base = Math.floor(first / T) * T, scale = 1 / Math.sqrt(A);
  const Y = new Float64Array(rows * A), dq = new Float64Array(rows * A), dk = new Float64Array(T * A), dv = new Float64Array(T * A);
  const dO = new Float64Array(A * A), weight = new Float64Array(T), back = new Float64Array(T), mixed = new Float64Array(A), dMixed = new Float64Array(A);
  const keys = new Float64Array(A * T), values = new Float64Array(A * T);  // transposed: the loops run along memory
  for (let r = 0; r < T; r++) for (let c = 0; c < A; c++) { keys[c * T + r] = qkv[r * n + A + c]; values[c * T + r] = qkv[r * n + 2 * A + c]; }
  for (let row = first; row < end; row++) {
    const at = (row - first) * A, query = (row - base) * n;
    weight.fill(0); back.fill(0); mixed.fill(0); dMixed.fill(0);
    for (let c = 0; c < A; c++) {
      const q = qkv[query + c] * scale;
      for (let r = 0; r < T; r++) weight[r] += q * keys[c * T + r];
    }
    let top = -Infinity, total = 0, mean = 0;
    for (let r = 0; r < T; r++) if (weight[r] > top) top = weight[r];
    for (let r = 0; r < T; r++) total += weight[r] = Math.exp(weight[r] - top);
    for (let r = 0; r < T; r++) weight[r] /= total;
    for (let c = 0; c < A; c++) {
      let sum = 0;
      for (let r = 0; r < T; r++) sum += weight[r] * values[c * T + r];
      mixed[c] = sum;
    }
    for (let j = 0; j < A; j++)
      for (let c = 0; c < A; c++) {
        Y[at + c] += mixed[j] * O[j * A + c];
        dO[j * A + c] += mixed[j] * dY[row * A + c];
        dMixed[j] += O[j * A + c] * dY[row * A + c];
      }
    for (let c = 0; c < A; c++) for (let r = 0; r < T; r++) back[r] += dMixed[c] * values[c * T + r];
    for (let r = 0; r < T; r++) mean += weight[r] * back[r];
    for (let r = 0; r < T; r++) {
      const score = weight[r] * (back[r] - mean) * scale;
      for (let c = 0; c < A; c++) {
        dq[at + c] += score * qkv[r * n + A + c];
        dk[r * A + c] += score * qkv[query + c];
        dv[r * A + c] += weight[r] * dMixed[c];
      }
    }
  }
  return { Y, dq, dk, dv, dO };
}

/** The gradients of some rows' words, and their part of the projections'. */
function unprojectShare({ A, X, QKV }, dqkv, [first, end]) {
  const n = 3 * A, dX = new Float64Array((end - first) * A), dQKV = new Float64Array(A * n);
  for (let r = first; r < end; r++)
    for (let j = 0; j < A; j++) {
      let sum = 0;
      const x = X[r * A + j];
      for (let c = 0; c < n; c++) {
        const g = dqkv[(r - first) * n + c];
        sum += g * QKV[j * n + c];
        dQKV[j * n + c] += x * g;
      }
      dX[(r - first) * A + j] = sum;
    }
  return { dX, dQKV };
}

const SHARES = { rnnShare, projectShare, attendShare, unprojectShare };

/** One worker a core, four at most, {ask(name, …arguments) → promise, end()}; [] where a page may have none. */
async function hire() {
  const names = Object.keys(SHARES);
  const source = `${names.map(name => SHARES[name]).join("\n")}
let layer = {};
onmessage = ({ data: [name, first, ...more] }) => {
  if (name === "layer") { layer = first; postMessage(null); }
  else postMessage(({ ${names.join(", ")} })[name](layer, first, ...more));
};`;
  try {
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const crew = Array.from({ length: Math.min(4, globalThis.navigator?.hardwareConcurrency ?? 1) }, () => {
      const worker = new Worker(address);
      const ask = (...message) => new Promise((done, fail) => {
        worker.onmessage = answer => done(answer.data);
        worker.onerror = event => fail(new Error(event.message || "a worker stopped"));
        worker.postMessage(message);
      });
      return { ask, end: () => worker.terminate() };
    });
    for (const worker of crew) await worker.ask("layer", {});
    return crew;
  } catch {
    return [];
  }
}

const add = (into, from) => { for (let i = 0; i < from.length; i++) into[i] += from[i]; };

/** Where each of n shares of a whole begins and ends. */
const split = (whole, n) => Array.from({ length: n }, (_, k) => [Math.floor((k * whole) / n), Math.floor(((k + 1) * whole) / n)]);

/** The RNN by shares of its sequences. ask(k, name, …): what share k computes. */
async function rnnByShares({ T, B, D }, count, ask) {
  const shares = split(B, Math.min(B, count)), parts = await Promise.all(shares.map((share, k) => ask(k, "rnnShare", share)));
  const whole = { states: new Float64Array(T * B * D), dX: new Float64Array(T * B * D), dU: new Float64Array(D * D), dW: new Float64Array(D * D), db: new Float64Array(D) };
  parts.forEach((part, k) => {
    const [first, end] = shares[k], width = (end - first) * D;
    for (const name of ["states", "dX"])
      for (let t = 0; t < T; t++) whole[name].set(part[name].subarray(t * width, (t + 1) * width), (t * B + first) * D);
    for (const name of ["dU", "dW", "db"]) add(whole[name], part[name]);
  });
  return whole;
}

/** Attention by shares of its words, in three rounds, whatever T is. */
async function attentionByShares({ T, B, A }, count, ask) {
  const n = 3 * A, R = B * T, whole = { Y: new Float64Array(R * A), dX: new Float64Array(R * A), dQKV: new Float64Array(A * n), dO: new Float64Array(A * A) };
  const each = (tasks, name, message) => {  // the tasks in turns to the shares, each of which answers one after the other
    const answers = new Array(tasks.length);
    return Promise.all(Array.from({ length: count }, async (_, k) => {
      for (let i = k; i < tasks.length; i += count) answers[i] = await ask(k, name, ...message(tasks[i]));
    })).then(() => answers);
  };
  const blocks = split(R, count), qkv = new Float64Array(R * n), dqkv = new Float64Array(R * n);
  (await each(blocks, "projectShare", block => [block])).forEach((part, k) => qkv.set(part.qkv, blocks[k][0] * n));
  const perSequence = Math.max(1, Math.ceil(count / B));
  const queries = Array.from({ length: B }, (_, s) => split(T, perSequence).map(([a, b]) => [s * T + a, s * T + b])).flat();
  const attended = await each(queries, "attendShare", ([first, end]) => {
    const base = Math.floor(first / T) * T;
    return [qkv.subarray(base * n, (base + T) * n).slice(), [first, end]];
  });
  attended.forEach(({ Y, dq, dk, dv, dO }, k) => {
    const [first, end] = queries[k], base = Math.floor(first / T) * T;
    whole.Y.set(Y, first * A);
    add(whole.dO, dO);
    for (let r = first; r < end; r++) for (let c = 0; c < A; c++) dqkv[r * n + c] = dq[(r - first) * A + c];
    for (let r = 0; r < T; r++)
      for (let c = 0; c < A; c++) {
        dqkv[(base + r) * n + A + c] += dk[r * A + c];
        dqkv[(base + r) * n + 2 * A + c] += dv[r * A + c];
      }
  });
  const back = await each(blocks, "unprojectShare", ([first, end]) => [dqkv.slice(first * n, end * n), [first, end]]);
  back.forEach((part, k) => { whole.dX.set(part.dX, blocks[k][0] * A); add(whole.dQKV, part.dQKV); });
  return whole;
}

/** The contestants on a CPU, like those of onGpu. */
async function onCpu(race, crew) {
  const layers = { rnn: { ...race.rnn }, attention: { ...race.attention } };
  const tell = async model => { for (const worker of crew) await worker.ask("layer", layers[model]); };
  const here = model => async (k, name, ...message) => SHARES[name](layers[model], ...message);
  const away = async (k, name, ...message) => crew[k].ask(name, ...message);
  const contestant = (model, byShares, count, ask, onWorkers) => {
    let results, ready = false;
    return {
      async run(times) {
        if (onWorkers && !ready) { await tell(model); ready = true; }
        const start = performance.now();
        for (let r = 0; r < times; r++) results = await byShares(layers[model], count, ask);
        const time = (performance.now() - start) / times;
        return { wall: time, time };
      },
      read: async () => results,
      replace(dY) { layers[model].dY = dY; ready = false; },
      before() { ready = false; },
    };
  };
  const contestants = {
    rnnThread: contestant("rnn", rnnByShares, 1, here("rnn")),
    attentionThread: contestant("attention", attentionByShares, 1, here("attention")),
  };
  if (crew.length > 1) {
    if (race.B > 1) contestants.rnnWorkers = contestant("rnn", rnnByShares, crew.length, away, true);
    contestants.attentionWorkers = contestant("attention", attentionByShares, crew.length, away, true);
  }
  return { ...contestants, close() {} };
}

// ---- the race

const pause = () => new Promise(done => setTimeout(done));
const median = list => [...list].sort((a, b) => a - b)[list.length >> 1];

/** Compare every contestant with the truth; a list of sentences, [] if all numbers are right.
 *  Up to 128 words all sequences send a gradient; beyond, the last alone, so that the plain loop ends in time. */
export async function verify(contestants, race) {
  const { T, B } = race, sequences = T <= 128 ? Array.from({ length: B }, (_, s) => s) : [B - 1];
  const quiet = model => {
    const { dY, ...layer } = race[model], size = model === "rnn" ? race.D : race.A, kept = new Float32Array(dY.length);
    for (const s of sequences) for (let t = 0; t < T; t++) {
      const at = (model === "rnn" ? t * B + s : s * T + t) * size;
      kept.set(dY.subarray(at, at + size), at);
    }
    return { ...layer, dY: kept };
  };
  const layers = { rnn: quiet("rnn"), attention: quiet("attention") };
  const truth = { rnn: trueRnn(layers.rnn, sequences), attention: trueAttention(layers.attention, sequences) };
  const sentences = [];
  for (const [name, one] of Object.entries(contestants)) {
    const model = CONTESTANTS[name]?.model;
    if (!model) continue;
    one.replace(layers[model].dY);
    await one.run(2);  // as it is timed: several times, on the same buffers
    const results = await one.read(), compared = {};
    for (const [key, numbers] of Object.entries(results)) compared[key] = only(key, numbers, race, model, sequences);
    sentences.push(...differences(name, compared, truth[model]));
    one.replace(race[model].dY);
    await pause();
  }
  return sentences;
}

/** A result with the sequences that the truth left out set to zero; a weight's gradient as it is. */
function only(key, numbers, { T, B, D, A }, model, sequences) {
  if (!["states", "Y", "dX"].includes(key) || sequences.length === B) return numbers;
  const kept = new Float64Array(numbers.length), size = model === "rnn" ? D : A;
  for (const s of sequences) for (let t = 0; t < T; t++) {
    const at = (model === "rnn" ? t * B + s : s * T + t) * size;
    kept.set(numbers.subarray(at, at + size), at);
  }
  return kept;
}

/** The smallest step of the wall clock in ms: some browsers round it to 100. */
function tick() {
  const start = performance.now();
  let now = start;
  for (let k = 0; k < 3e7 && now === start; k++) now = performance.now();
  return now - start;
}

const NO_CLOCK = "the GPU's clock stands still";

/** Run the race. report(sentence, share done, rows): called as it goes on; stop(): true ends it with what there is.
 *  text: what is done to the shaders before they are used, for tests. Returns everything that was measured. */
export async function race(options = {}) {
  const outcome = await raceOnce(options);
  return outcome.ended.includes(NO_CLOCK) ? raceOnce({ ...options, clock: false }) : outcome;
}

async function raceOnce({ width, batch = 8, lengths = LENGTHS, gpu = true, clock = true, budget = BUDGET, report = () => {}, stop = () => false, text = code => code }) {
  const started = performance.now(), seconds = () => (performance.now() - started) / 1000;
  const card = gpu ? await openGpu({ clock }) : { why: "switched off" };
  const D = width ?? (card.device && !card.software ? 256 : card.device ? 64 : 128), crew = card.device ? [] : await hire();
  const outcome = { rows: [], wrong: [], width: D, batch, device: card.name ?? null, software: card.software ?? false, clocked: card.clocked ?? false, why: card.why ?? "", workers: crew.length, tick: tick(), hidden: false, slowed: 1, ended: "" };
  let lost = "";
  card.device?.lost.then(event => { lost = event.message || "the device was lost"; });
  const open = async T => {
    const arena = setUp(T, D, batch);
    card.device?.pushErrorScope("validation");
    const contestants = card.device ? onGpu(card, arena, text) : await onCpu(arena, crew);
    const refused = (await card.device?.popErrorScope())?.message ?? lost;
    if (refused) { contestants.close?.(); throw new Error(refused); }
    return [arena, contestants];
  };
  let longest = 0;  // seconds that the last length took
  try {
    for (const [place, T] of lengths.entries()) {
      const A = widthOfEqualWork(T, D);
      if (stop()) { outcome.ended = "you stopped it"; break; }
      if (A < NARROWEST) { outcome.ended = `at ${T} words equal work would leave attention a width of ${A}`; break; }
      if (place && seconds() + 2.2 * longest > budget) { outcome.ended = `${T} words would take longer than ${budget} seconds in all`; break; }
      report(`${T} words: the numbers first …`, place / lengths.length, outcome.rows);
      await pause();
      const began = seconds(), [arena, { close, nothing, ...contestants }] = await open(T);
      if (nothing && outcome.call === undefined) {
        await nothing.run(1);
        const empty = [];
        for (let r = 0; r < 3; r++) empty.push((await nothing.run(1)).wall);
        outcome.call = Math.min(...empty);
      }
      const wrong = await verify(contestants, arena);
      if (wrong.length) { outcome.wrong = wrong.map(sentence => `${sentence}, at ${T} words`); close(); break; }
      const samples = await sample(contestants, outcome, () => report(`${T} words: the clock …`, (place + 0.5) / lengths.length, outcome.rows), stop);
      close();
      if (!samples) { outcome.ended = "you stopped it"; break; }
      if (lost) throw new Error(lost);  // a lost device answers at once
      outcome.rows.push({ T, A, rnn: countRnn(T, D, batch), attention: countAttention(T, A, batch), samples });
      longest = seconds() - began;
    }
    if (outcome.rows.length > 1 && !outcome.wrong.length && !stop()) {  // a phone that got hot is slower at the end
      report("the first length again …", 1, outcome.rows);
      const { T, samples } = outcome.rows[0], [, { close, nothing, ...contestants }] = await open(T), name = Object.keys(samples)[0];
      const again = await sample({ [name]: contestants[name] }, outcome, () => {}, () => false);
      outcome.slowed = median(again[name]) / median(samples[name]);
      close();
    }
  } catch (error) {
    outcome.ended = `the device refused: ${error.message}`;
  }
  crew.forEach(worker => worker.end());
  card.device?.destroy();
  return { ...outcome, seconds: seconds() };
}

/** {name: times in ms} of each contestant, in turns; null if it was stopped. */
async function sample(contestants, outcome, report, stop) {
  const repeats = {}, samples = {};
  for (const [name, one] of Object.entries(contestants)) {
    report();
    one.before?.();
    const least = outcome.clocked ? LEAST : Math.max(LEAST, 20 * outcome.tick, 10 * (outcome.call ?? 0));
    await one.run(1);
    for (repeats[name] = 1; repeats[name] < 1024; repeats[name] *= 2) {
      const took = async () => (await one.run(repeats[name])).time * repeats[name], first = await took();
      if (stop() || first > 2000 || (first >= least && (await took()) >= least)) break;  // twice: a pause is no work
    }
    samples[name] = [];
    await pause();
  }
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, one] of Object.entries(contestants)) {
      if (stop()) return null;
      one.before?.();
      const { time } = await one.run(repeats[name]);
      if (!(time > 0)) throw new Error(outcome.clocked ? NO_CLOCK : "the browser's clock is too coarse");
      outcome.hidden ||= Boolean(globalThis.document?.hidden);
      samples[name].push(time);
      await pause();
    }
  return samples;
}

// ---- what the numbers say

const range = list => [Math.min(...list), Math.max(...list)];
const count = n => Math.round(n).toLocaleString("en");
const factor = x => (x < 10 ? x.toFixed(1) : count(x));

/** The quickest form of each model in a row: {rnn, attention: [name, samples]}. */
export function quickest({ samples }) {
  const best = model => Object.entries(samples).filter(([name]) => CONTESTANTS[name].model === model).sort((a, b) => median(a[1]) - median(b[1]))[0];
  return { rnn: best("rnn"), attention: best("attention") };
}

/** {verdict: "less" | "same" | "some" | "many" | null, sentences}: null where nothing can be concluded, and why. */
export function conclude(outcome) {
  const { rows, wrong, software, slowed, hidden, device, why, ended, clocked, call, width, batch, workers } = outcome, sentences = [];
  if (wrong.length) return { verdict: null, sentences: ["The numbers are not those of the plain loop, so no time is shown.", ...wrong] };
  if (!rows.length) return { verdict: null, sentences: [`The race could not be run: ${ended || why}.`] };
  const last = rows.at(-1), { rnn, attention } = quickest(last), ratio = median(rnn[1]) / median(attention[1]);
  const apart = range(rnn[1])[0] > range(attention[1])[1] || range(attention[1])[0] > range(rnn[1])[1];
  const verdict = software || hidden || !apart || slowed > 1.5 ? null : ratio < 0.5 ? "less" : ratio <= 2 ? "same" : ratio <= 10 ? "some" : "many";
  const longer = ratio >= 1 ? `the RNN took ${factor(ratio)} times as long as attention` : `attention took ${factor(1 / ratio)} times as long as the RNN`;
  if (software) sentences.push(`This GPU is software (${device}): your CPU plays it. The numbers are right; the times say nothing about a GPU.`);
  else if (hidden) sentences.push("This page was in the background while it ran, where browsers slow it down, so nothing is concluded.");
  else if (!apart) sentences.push(`At ${count(last.T)} words the two ranges overlap: in this race there is no winner.`);
  else if (slowed > 1.5) sentences.push(`The device became ${factor(slowed)} times slower while it ran (hot, or busy), so nothing is concluded. Try again when it is quiet.`);
  else sentences.push(`At ${count(last.T)} words, ${batch === 1 ? "one sequence" : `${batch} sequences`}, forward and backward, ${longer}: ${CONTESTANTS[rnn[0]].label} against ${CONTESTANTS[attention[0]].label}, the quickest of each.`);
  const spans = last.rnn.span / last.attention.span, works = rows.map(row => row.attention.work / row.rnn.work);
  sentences.push(`Equal work: attention does ${Math.min(...works).toFixed(2)} to ${Math.max(...works).toFixed(2)} times the RNN's multiply–adds. The RNN is ${width} wide; for that attention is ${rows.map(row => row.A).join(", ")} wide at ${rows.map(row => count(row.T)).join(", ")} words.`);
  sentences.push(`Counted, the RNN's longest chain at ${count(last.T)} words is ${count(last.rnn.span)} levels and attention's ${count(last.attention.span)}: ${factor(spans)} times as long. That is the ratio of the waits with unlimited processors, not of times on yours.`);
  if (device) sentences.push(clocked ? `Times are the GPU's own clock's. A call that computes nothing takes ${ms(call)} on the wall clock.` : `There is no GPU clock here that can be read, so these are wall-clock times, and a call that computes nothing takes ${ms(call)} of them.`);
  else sentences.push(`No GPU took part (${why}): JavaScript on ${workers > 1 ? `one thread and on ${workers} workers` : "one thread"}. One thread shares nothing: a difference there is one between two programs, not between two chains.`);
  if (ended) sentences.push(`The race ended early: ${ended}.`);
  return { verdict, sentences };
}

const ms = x => `${x >= 100 ? count(x) : x >= 1 ? x.toPrecision(3) : x.toPrecision(2)} ms`;

// ---- waiting lasts as long as memory: the net of lesson 01, guessed and mended, and by Newton's method

const RIGHT = 1e-12, RESIDUAL = 1e-10, MOST = 100;

/** Rounds until all states of h = tanh(U x + gain W h) are right, {guessing, newton}; newton is null beyond 100.
 *  words: [[x, x], …]; U, W: [[…], […]]. Both start from the guess 0, as in lesson 01 and in helpers.newton_recurrence. */
export function roundsNeeded({ words, U, W }, gain) {
  const w = W.map(row => row.map(x => gain * x)), T = words.length;
  const pushed = words.map(x => U.map(row => row[0] * x[0] + row[1] * x[1]));
  const step = (t, h) => [0, 1].map(i => Math.tanh(pushed[t][i] + w[i][0] * h[0] + w[i][1] * h[1]));
  const truth = [];
  for (let t = 0, h = [0, 0]; t < T; t++) truth.push((h = step(t, h)));
  const apart = (a, b) => a.reduce((most, row, t) => Math.max(most, Math.abs(row[0] - b[t][0]), Math.abs(row[1] - b[t][1])), 0);
  const stepped = guess => guess.map((_, t) => step(t, t ? guess[t - 1] : [0, 0]));
  let guess = truth.map(() => [0, 0]), guessing = 0;
  while (guessing < T && (guessing === 0 || apart(guess, truth) > RIGHT)) { guess = stepped(guess); guessing++; }
  let states = truth.map(() => [0, 0]), next = stepped(states), newton = 0;
  while (apart(next, states) > RESIDUAL && newton < MOST) {
    let change = [0, 0];
    states = states.map((row, t) => {
      const before = change;
      change = [0, 1].map(i => (1 - next[t][i] ** 2) * (w[i][0] * before[0] + w[i][1] * before[1]) + next[t][i] - row[i]);
      const better = [row[0] + change[0], row[1] + change[1]];
      return better.map((x, i) => (Number.isFinite(x) ? x : next[t][i]));
    });
    next = stepped(states);
    newton++;
  }
  return { guessing, newton: apart(next, states) > RESIDUAL ? null : newton };
}

// ---- what the reader sees

const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, setting] of Object.entries(attributes))
    key in element && typeof setting !== "string" ? (element[key] = setting) : element.setAttribute(key, setting);
  element.append(...children);
  return element;
};
const SVG = "http://www.w3.org/2000/svg";
const draw = (name, attributes, text = "") => {
  const element = document.createElementNS(SVG, name);
  for (const [key, setting] of Object.entries(attributes)) element.setAttribute(key, setting);
  element.textContent = text;
  return element;
};

const STYLE = `.race-paper { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", Arial, sans-serif; color: #1f2328; background: #fff;
  color-scheme: light; padding: 14px 16px; max-width: 900px; box-sizing: border-box; }
.race-paper fieldset { border: 0; border-left: 5px solid #a36a00; background: #f6f7f9; margin: 0 0 12px; padding: 8px 14px; }
.race-paper legend { float: left; width: 100%; padding: 0; margin-bottom: 4px; } .race-paper legend + * { clear: left; }
.race-paper label { display: inline-block; margin: 2px 16px 2px 0; } .race-paper button { font: inherit; padding: 6px 14px; margin-right: 8px; }
.race-paper progress { width: 180px; vertical-align: middle; margin-right: 8px; } .race-paper figure { margin: 10px 0; overflow-x: auto; }
.race-paper svg { width: 100%; min-width: 600px; max-width: 820px; display: block; }
.race-paper svg text { font-size: 13px; fill: #1f2328; }
.race-paper ul { padding-left: 20px; margin: 8px 0; } .race-paper table { border-collapse: collapse; font-size: 13px; }
.race-paper th, .race-paper td { padding: 3px 10px 3px 0; text-align: right; border-bottom: 1px solid #d8dce2; white-space: nowrap; }
.race-paper .wide { overflow-x: auto; } .race-paper summary { cursor: pointer; } .race-paper input[type=range] { width: min(420px, 60vw); }`;

/** Time against words, both axes logarithmic, medians with the range of all samples; the counts stand in the table. */
function chart(rows, ok) {
  const times = rows.flatMap(row => Object.values(row.samples).flat()), lengths = rows.map(row => row.T);
  const low = Math.floor(Math.log10(Math.min(...times))), high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...times))));
  const steps = Math.max(1, Math.log2(lengths.at(-1) / lengths[0]));
  const x = T => 70 + (Math.log2(T / lengths[0]) / steps) * 440, y = time => 330 - ((Math.log10(time) - low) / (high - low)) * 300;
  const svg = draw("svg", { viewBox: "0 0 780 390", role: "img", "aria-label": ok ? "Time of each contestant against the words; the table below has the numbers." : "No times." });
  for (let k = low; k <= high; k++)
    svg.append(draw("path", { d: `M70 ${y(10 ** k)}H510`, stroke: "#ECEEF1" }), draw("text", { x: 62, y: y(10 ** k) + 4, "text-anchor": "end" }, k < 3 ? `${k < 0 ? (10 ** k).toFixed(-k) : 10 ** k} ms` : `${10 ** (k - 3)} s`));
  for (const T of lengths) svg.append(draw("text", { x: x(T), y: 352, "text-anchor": "middle" }, count(T)));
  svg.append(draw("text", { x: 290, y: 378, "text-anchor": "middle" }, "words in a sequence"));
  const names = Object.keys(rows.at(-1).samples).sort((a, b) => median(rows.at(-1).samples[b]) - median(rows.at(-1).samples[a]));
  let lowest = 14;
  for (const name of names) {
    const { label, colour, dash } = CONTESTANTS[name], seen = rows.filter(row => row.samples[name]);
    svg.append(draw("path", { d: `M${seen.map(row => `${x(row.T)} ${y(median(row.samples[name]))}`).join("L")}`, fill: "none", stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash }));
    for (const row of seen) {
      const [from, to] = range(row.samples[name]).map(y);
      svg.append(draw("path", { d: `M${x(row.T)} ${from}V${to}`, stroke: colour, "stroke-width": 5, opacity: 0.35 }), draw("circle", { cx: x(row.T), cy: y(median(row.samples[name])), r: 3.5, fill: colour }));
    }
    const at = (lowest = Math.max(lowest + 18, y(median(rows.at(-1).samples[name])) + 4));
    svg.append(draw("path", { d: `M${x(rows.at(-1).T) + 5} ${y(median(rows.at(-1).samples[name]))}L526 ${at - 4}`, stroke: "#8A8F98", fill: "none" }), draw("text", { x: 530, y: at }, label));
  }
  return svg;
}

function table(rows) {
  const names = Object.keys(rows[0].samples), head = ["words", ...names.map(name => CONTESTANTS[name].label), "levels: RNN", "levels: attention", "attention's width"];
  const cells = row => [count(row.T), ...names.map(name => (row.samples[name] ? `${ms(median(row.samples[name]))} (${range(row.samples[name]).map(ms).join(" to ")})` : "")), count(row.rnn.span), count(row.attention.span), row.A];
  return make("table", {}, make("tr", {}, ...head.map(word => make("th", { scope: "col" }, word))), ...rows.map(row => make("tr", {}, ...cells(row).map(cell => make("td", {}, String(cell))))));
}

const CHOICES = { less: "less than half as long", same: "about as long", some: "2 to 10 times as long", many: "more than 10 times as long" };

/** Put the race into an element. options: those of race(); told(outcome): called at its end. */
export function mountRace(element, options = {}, told = () => {}) {
  const name = `race-${Math.random().toString(36).slice(2)}`;
  const choices = Object.entries(CHOICES).map(([value, words]) => make("label", {}, make("input", { type: "radio", name, value }), ` ${words}`));
  const asked = make("fieldset", {}, make("legend", {}, make("b", {}, "Predict. "), "The longest sequences that your device manages, up to 1,024 words; equal work, forward and backward. The RNN takes, beside attention:"), ...choices);
  const batch = make("select", {}, ...[8, 1].map(value => make("option", { value: String(value) }, value === 1 ? "one sequence" : `${value} sequences`)));
  const go = make("button", { type: "button" }, "Run the race"), halt = make("button", { type: "button", hidden: true }, "Stop");
  const bar = make("progress", { max: 1, hidden: true, "aria-label": "how far the race is" }), state = make("span", { role: "status" });
  const figure = make("figure"), says = make("ul"), numbers = make("div", { class: "wide", tabindex: "0" }), all = make("details", { hidden: true }, make("summary", {}, "All numbers, and the counts"), numbers);
  element.replaceChildren(make("style", {}, STYLE), make("div", { class: "race-paper" }, asked, make("p", {}, make("label", {}, "A batch of ", batch), go, halt, bar, state), figure, says, all));
  let stopped = false;
  halt.onclick = () => { stopped = true; state.textContent = "stopping …"; };
  go.onclick = async () => {
    const chosen = element.querySelector("input[type=radio]:checked")?.value;  // before there is a curve to see
    halt.hidden = bar.hidden = false; halt.focus(); go.disabled = true; stopped = false;
    says.replaceChildren(); figure.replaceChildren(); all.hidden = true;
    const outcome = await race({
      ...options, batch: Number(batch.value), stop: () => stopped,
      report: (sentence, share, rows) => { state.textContent = sentence; bar.value = share; if (rows.length > 1) figure.replaceChildren(chart(rows, true)); },
    });
    const { verdict, sentences } = conclude(outcome);
    if (outcome.rows.length && !outcome.wrong.length) { figure.replaceChildren(chart(outcome.rows, true)); numbers.replaceChildren(table(outcome.rows)); all.hidden = false; }
    else figure.replaceChildren();
    if (verdict && chosen) sentences.splice(1, 0, chosen === verdict ? "As you predicted." : `You predicted: ${CHOICES[chosen]}. What made you think so?`);
    says.replaceChildren(...sentences.map(sentence => make("li", {}, sentence)));
    state.textContent = `done in ${outcome.seconds.toFixed(0)} s`;
    go.disabled = false;
    if (document.activeElement === halt) go.focus();
    halt.hidden = bar.hidden = true;
    told({ ...outcome, ...conclude(outcome) });
  };
}

/** Put the explorable into an element. net: {words, U, W}, with at least 1,000 words. */
export function mountWaiting(element, net) {
  const lengths = [10, 100, 1000], slider = make("input", { type: "range", min: "0", max: "2", step: "0.05", value: "1" }), shown = make("output", {}, "1.00");
  const body = make("tbody"), head = ["words", "guess and mend", "Newton's method"];
  const whole = make("table", {}, make("thead", {}, make("tr", {}, ...head.map(word => make("th", { scope: "col" }, word)))), body);
  const show = () => {
    const gain = Number(slider.value);
    shown.textContent = gain.toFixed(2);
    body.replaceChildren(...lengths.map(T => {
      const { guessing, newton } = roundsNeeded({ ...net, words: net.words.slice(0, T) }, gain);
      return make("tr", {}, ...[count(T), `${count(guessing)} rounds`, newton === null ? "not in 100" : `${newton} rounds`].map(cell => make("td", {}, cell)));
    }));
  };
  slider.addEventListener("input", show);
  element.replaceChildren(make("style", {}, STYLE), make("div", { class: "race-paper" },
    make("p", {}, make("b", {}, "Waiting lasts as long as memory."), " The net of this lesson on random words; the gain multiplies W. Each round computes all words at once. A round of Newton's method is a scan, which itself waits log T."),
    make("p", {}, make("label", {}, "gain ", slider, " ", shown)), make("div", { class: "wide", tabindex: "0" }, whole)));
  show();
}

export default {
  render({ model, el }) {
    mountRace(el, model.get("options") ?? {}, outcome => { model.set("result", outcome); model.save_changes(); });
  },
};
