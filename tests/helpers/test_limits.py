"""helpers.limits: what is free on this machine, in a container of either version of control groups, and refusals."""

import math

import pytest
import torch

from helpers import limits
from helpers.limits import cpu_memory, free_memory, require_memory

CPU = torch.device("cpu")
GIB = 2**30


@pytest.fixture
def system(monkeypatch, tmp_path):
    """system({file: text}): a machine with 22 GiB available whose /sys/fs/cgroup and /proc hold these files."""

    def install(files):
        meminfo = f"MemTotal: {23 * 2**20} kB\nMemAvailable: {22 * 2**20} kB\n"
        for name, text in ({"meminfo": meminfo} | files).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    monkeypatch.setattr(limits, "GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(limits, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(limits, "MEMINFO", tmp_path / "meminfo")
    pages = {"SC_PHYS_PAGES": 23 * 2**18, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr("os.sysconf", pages.__getitem__, raising=False)
    return install


VERSION_1 = {
    "membership": "5:cpu,cpuacct:/docker/ab12\n4:memory:/docker/ab12\n0::/\n",
    "cgroup/memory/memory.limit_in_bytes": f"{700 * 2**20}\n",
    "cgroup/memory/memory.usage_in_bytes": f"{500 * 2**20}\n",
    "cgroup/memory/memory.stat": f"inactive_file 1\ntotal_cache 9\ntotal_inactive_file {100 * 2**20}\n",
}
VERSION_2 = {
    "membership": "0::/\n",
    "cgroup/memory.max": f"{700 * 2**20}\n",
    "cgroup/memory.current": f"{500 * 2**20}\n",
    "cgroup/memory.stat": f"anon 5\ninactive_file {100 * 2**20}\nactive_file 7\n",
}


@pytest.mark.parametrize("files", [VERSION_1, VERSION_2], ids=["version 1", "version 2"])
def test_in_a_container_free_is_its_limit_less_what_it_uses(system, files):
    system(files)
    assert free_memory(CPU) == 300 * 2**20, "a cache that is not being read counts as free"
    assert cpu_memory() == 700 * 2**20


def test_a_groups_name_may_hold_any_byte(system, tmp_path):
    system(VERSION_2)
    (tmp_path / "membership").write_bytes(b"0::/caf\xe9\n")
    assert free_memory(CPU) == 300 * 2**20


@pytest.mark.parametrize("files", [VERSION_1, VERSION_2], ids=["version 1", "version 2"])
def test_a_group_around_this_one_may_be_narrower(system, files):
    folder = "cgroup/memory" if "cgroup/memory/memory.stat" in files else "cgroup"
    name = "memory.limit_in_bytes" if folder == "cgroup/memory" else "memory.max"
    membership = "4:memory:/user/alice\n" if folder == "cgroup/memory" else "0::/user/alice\n"
    system(files | {"membership": membership, f"{folder}/user/alice/{name}": f"{4 * GIB}\n"})
    assert cpu_memory() == 700 * 2**20
    system({f"{folder}/{name}": f"{8 * GIB}\n"})
    assert cpu_memory() == 4 * GIB


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"membership": "0::/\n", "cgroup/memory.max": "max\n"},
        {"membership": "4:memory:/\n", "cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"},
    ],
    ids=["no groups", "version 2", "version 1"],
)
def test_without_a_limit_what_the_system_calls_available_is_free(system, files):
    system(files)
    assert free_memory(CPU) == 22 * GIB
    assert cpu_memory() == 23 * GIB


def test_a_group_that_has_used_more_than_its_limit_has_nothing_left(system):
    system(VERSION_2 | {"cgroup/memory.current": f"{900 * 2**20}\n"})
    assert free_memory(CPU) == 0


def test_where_the_system_tells_only_how_much_there_is_that_much_is_free(system, tmp_path):
    system({})
    (tmp_path / "meminfo").unlink()  # macOS has none
    assert free_memory(CPU) == 23 * GIB


def test_where_the_system_tells_nothing_no_tensor_is_refused(monkeypatch, tmp_path):
    for name in ("GROUPS", "MEMBERSHIP", "MEMINFO"):
        monkeypatch.setattr(limits, name, tmp_path / "nothing")
    monkeypatch.delattr("os.sysconf", raising=False)
    assert cpu_memory() is None
    assert free_memory(CPU) == math.inf
    require_memory("the scores", 2**60, CPU, "a shorter T")


def test_the_free_memory_of_this_machine_is_known():
    assert 2**20 < free_memory(CPU) < 2**50


def test_many_bytes_that_are_not_free_are_refused_with_both_numbers(system):
    system(VERSION_2)
    require_memory("the scores", 300 * 2**20, CPU, "a shorter T")
    with pytest.raises(MemoryError, match=r"^the scores need 0\.5 GiB, and cpu has 0\.3 GiB free; use a shorter T\.$"):
        require_memory("the scores", 500 * 2**20, CPU, "a shorter T")
