"""The race's shaders on wgpu, the WebGPU of Firefox, from Python: its compiler accepts them, their numbers are torch's.

wgpu needs a Vulkan driver: Chromium's own, in software, where it is found.
"""

import os
import re
import shutil
from pathlib import Path

import pytest
import torch

from course.show.race import source

pytestmark = pytest.mark.test_all
SHADER = re.search(r"export const shader = .*?`(.*?)`;", source(), re.DOTALL)[1]
D, S, T, B = 32, 4, 5, 3


def text(width=D, share=S):
    return SHADER.replace("${D}", str(width)).replace("${S}", str(share))


@pytest.fixture(scope="module")
def device():
    chromium = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), "")
    icd = next(iter(Path("/usr/lib").glob("chromium*/vk_swiftshader_icd.json")), None)
    if icd and chromium:
        os.environ.setdefault("VK_DRIVER_FILES", str(icd))
    wgpu = pytest.importorskip("wgpu")
    try:
        adapter = wgpu.gpu.request_adapter_sync(power_preference="low-power")
    except RuntimeError as error:
        pytest.skip(f"wgpu finds no device: {error}")
    limits = {"max-compute-invocations-per-workgroup": 256, "max-compute-workgroup-size-x": 256}
    return adapter.request_device_sync(required_limits=limits)


class Kernels:
    """The shaders with their five bindings; called with tensors, they return what lies in the fourth."""

    def __init__(self, device, code):
        import wgpu

        self.device, self.usage = device, wgpu.BufferUsage
        self.module = device.create_shader_module(code=code)
        kinds = ["read-only-storage"] * 3 + ["storage", "uniform"]
        entries = [
            {"binding": place, "visibility": wgpu.ShaderStage.COMPUTE, "buffer": {"type": kind}}
            for place, kind in enumerate(kinds)
        ]
        self.layout = device.create_bind_group_layout(entries=entries)
        self.pipeline_layout = device.create_pipeline_layout(bind_group_layouts=[self.layout])

    def run(self, entry, inputs, result, groups, whole=(), scale=1.0):
        """inputs: up to three tensors. result: as it begins. whole: M, N, K, t, and the strides of a, b, c."""
        from array import array

        sizes = [*whole, *[0] * (16 - len(whole))]
        packed = array("I", sizes).tobytes() + array("f", [scale]).tobytes() + array("I", [T, B, 0]).tobytes()
        inputs = [*inputs, *[torch.zeros(4)] * (3 - len(inputs))]
        storage = self.usage.STORAGE | self.usage.COPY_SRC | self.usage.COPY_DST
        buffers = [self._buffer(tensor.float().numpy().tobytes(), storage) for tensor in (*inputs, result)]
        buffers.append(self._buffer(packed, self.usage.UNIFORM | self.usage.COPY_DST))
        bound = [
            {"binding": place, "resource": {"buffer": each, "offset": 0, "size": each.size}}
            for place, each in enumerate(buffers)
        ]
        pipeline = self.device.create_compute_pipeline(
            layout=self.pipeline_layout, compute={"module": self.module, "entry_point": entry}
        )
        encoder = self.device.create_command_encoder()
        started = encoder.begin_compute_pass()
        started.set_pipeline(pipeline)
        started.set_bind_group(0, self.device.create_bind_group(layout=self.layout, entries=bound))
        started.dispatch_workgroups(*groups)
        started.end()
        self.device.queue.submit([encoder.finish()])
        return torch.frombuffer(bytearray(self.device.queue.read_buffer(buffers[3])), dtype=torch.float32).reshape(
            result.shape
        )

    def _buffer(self, content, usage):
        return self.device.create_buffer_with_data(data=content, usage=usage)


@pytest.fixture(scope="module")
def kernels(device):
    return Kernels(device, text())


@pytest.fixture
def layer():
    torch.manual_seed(0)
    UX, W, b, dY = torch.randn(T, B, D), torch.randn(D, D) / D**0.5, torch.randn(D), torch.randn(T, B, D)
    states = [torch.zeros(B, D)]
    for t in range(T):
        states.append(torch.tanh(UX[t] + states[-1] @ W.T + b))
    later, gradients = torch.zeros(B, D), []
    for t in reversed(range(T)):
        gradients.append(later := (dY[t] + later @ W) * (1 - states[t + 1] ** 2))
    return UX, W, b, dY, torch.stack(states), torch.stack([*reversed(gradients), torch.zeros(B, D)])


def assert_close(numbers, wanted):
    assert (numbers - wanted).abs().max() < 1e-5


@pytest.mark.parametrize(("width", "share"), [(16, 4), (64, 4), (128, 2), (256, 1)])
def test_firefoxs_compiler_accepts_the_shaders(device, width, share):
    Kernels(device, text(width, share))


def test_all_steps_in_one_dispatch(kernels, layer):
    UX, W, b, dY, states, gradients = layer
    assert_close(kernels.run("all_steps", [W.T.contiguous(), UX, b], torch.zeros(T + 1, B, D), (B, 1, 1)), states)
    assert_close(kernels.run("all_steps_back", [W, dY, states], torch.zeros(T + 1, B, D), (B, 1, 1)), gradients)


@pytest.mark.parametrize("t", range(T))
def test_one_step(kernels, layer, t):
    UX, W, b, dY, states, gradients = layer
    before = states.clone()
    before[t + 1 :] = 0
    assert_close(
        kernels.run("step", [W.T.contiguous(), UX, b], before, (D // 16, B, 1), [0, 0, 0, t])[t + 1], states[t + 1]
    )
    later = gradients.clone()
    later[: t + 1] = 0
    assert_close(kernels.run("step_back", [W, dY, states], later, (D // 16, B, 1), [0, 0, 0, t])[t], gradients[t])


@pytest.mark.parametrize(("M", "N", "K"), [(1, 1, 1), (5, 70, 17), (130, 3, 64)])
def test_a_product(kernels, M, N, K):
    torch.manual_seed(0)
    one, other = torch.randn(2, M, K), torch.randn(2, K, N)
    whole = [M, N, K, 0, 0, K, 1, M * K, 0, N, 1, K * N, 0, N, 1, M * N]
    groups = (-(-N // 64), -(-M // 64), 2)
    assert_close(
        kernels.run("product", [one, other], torch.zeros(2, M, N), groups, whole, scale=0.5), 0.5 * one @ other
    )


@pytest.mark.parametrize("n", [1, 64, 131])
def test_softmax_and_its_way_back(kernels, n):
    torch.manual_seed(0)
    scores, upper = torch.randn(3, n).requires_grad_(), torch.randn(3, n)
    weights = scores.softmax(dim=-1)
    weights.backward(upper)
    assert_close(kernels.run("softmax", [], scores.detach(), (3, 1, 1), [0, n]), weights.detach())
    assert_close(kernels.run("softmax_back", [weights.detach()], upper, (3, 1, 1), [0, n]), scores.grad)
