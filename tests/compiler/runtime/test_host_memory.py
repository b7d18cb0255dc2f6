"""The free memory of the host, from files as the system has them."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from graphc.compiler.runtime.host_memory import memory_room

GB = 2**30
UNLIMITED = 9223372036854771712
"""The limit of a control group of the first version that has none."""

MEMINFO = "MemTotal: 16777216 kB\nMemFree: 100 kB\nMemAvailable: 8388608 kB\nSwapFree: {swap} kB\n"


def system(root: Path, files: dict[str, object], swap: int = 0) -> Path:
    """A root folder with such files, and 8 GB available."""
    for name, content in {"proc/meminfo": MEMINFO.format(swap=swap // 1024), **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{content}\n")
    return root


def version_2(path: str, shown: str = "/") -> dict[str, object]:
    """A process in this group, of a hierarchy that is seen from `shown` on."""
    return {
        "proc/self/cgroup": f"0::{path}",
        "proc/self/mountinfo": "22 1 8:1 / / rw - ext4 /dev/sda rw\n"
        f"30 22 0:26 {shown} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate",
    }


def group_2(path: str, limit: object, taken: int, **more: object) -> dict[str, object]:
    folder = f"sys/fs/cgroup{path}"
    files = {"memory.max": limit, "memory.current": taken, **more}
    return {f"{folder}/{name.replace('__', '.')}": value for name, value in files.items()}


def test_a_machine(tmp_path):
    found = memory_room(system(tmp_path, {}))
    assert found is not None
    assert (found.nbytes, str(found)) == (8 * GB, "the machine has 8,589,934,592 bytes free")


def test_swap_space_is_room(tmp_path):
    assert memory_room(system(tmp_path, {}, swap=2 * GB)).nbytes == 10 * GB


def test_a_machine_that_promises_no_more_than_it_has(tmp_path):
    limits = MEMINFO.format(swap=0) + "CommitLimit: 3145728 kB\nCommitted_AS: 2097152 kB"
    files = {"proc/meminfo": limits, "proc/sys/vm/overcommit_memory": 2}
    found = memory_room(system(tmp_path, files))
    assert (found.nbytes, "overcommit_memory=2" in found.of) == (GB, True)


def test_no_limit_is_known_without_files_of_the_system(tmp_path):
    assert memory_room(tmp_path) is None


class TestVersion2:
    def test_the_group_of_the_process(self, tmp_path):
        files = {**version_2("/jobs/one"), **group_2("/jobs/one", 3 * GB, GB)}
        found = memory_room(system(tmp_path, files))
        assert (found.nbytes, found.of) == (2 * GB, "the control group /jobs/one")

    def test_those_around_it(self, tmp_path):
        files = {
            **version_2("/jobs/one"),
            **group_2("/jobs", 4 * GB, 3 * GB),
            **group_2("/jobs/one", "max", GB),
        }
        found = memory_room(system(tmp_path, files))
        assert (found.nbytes, found.of) == (GB, "the control group /jobs")

    def test_pages_of_files_are_room(self, tmp_path):
        stat = f"anon 5\ninactive_file {GB // 4}\nactive_file {GB // 2}\nshmem 7"
        files = {**version_2("/a"), **group_2("/a", 2 * GB, 2 * GB, memory__stat=stat)}
        assert memory_room(system(tmp_path, files)).nbytes == GB * 3 // 4

    @pytest.mark.parametrize(("most", "expected"), [("max", 3), (2 * GB, 2), (0, 1)])
    def test_swap_space_as_far_as_the_group_may_have_it(self, tmp_path, most, expected):
        swap = {"memory__swap__max": most, "memory__swap__current": GB if most == 2 * GB else 0}
        files = {**version_2("/a"), **group_2("/a", 3 * GB, 2 * GB, **swap)}
        assert memory_room(system(tmp_path, files, swap=2 * GB)).nbytes == expected * GB

    def test_within_a_container(self, tmp_path):
        """The group is the root of what is mounted; its path may be one that is not seen."""
        for path, shown in (("/", "/"), ("/docker/1", "/docker/1"), ("/../other", "/")):
            files = {**version_2(path, shown), **group_2("", 5 * GB, GB)}
            found = memory_room(system(tmp_path, files))
            assert (found.nbytes, found.of) == (4 * GB, "the control group /")

    def test_more_than_the_limit_is_taken(self, tmp_path):
        files = {**version_2("/a"), **group_2("/a", GB, 2 * GB)}
        assert memory_room(system(tmp_path, files)).nbytes == 0


class TestVersion1:
    def files(self, limit: int, taken: int, **more: object) -> dict[str, object]:
        folder = "sys/fs/cgroup/memory/jobs/one"
        files = {"memory.limit_in_bytes": limit, "memory.usage_in_bytes": taken, **more}
        return {
            "proc/self/cgroup": "5:cpu,cpuacct:/jobs/one\n4:memory:/jobs/one\n0::/",
            "proc/self/mountinfo": "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
            "\n36 31 0:33 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu",
            **{f"{folder}/{name.replace('__', '.')}": value for name, value in files.items()},
        }

    def test_its_limit(self, tmp_path):
        stat = f"inactive_file 3\ntotal_inactive_file {GB}\ntotal_active_file 0"
        files = self.files(3 * GB, 2 * GB, memory__stat=stat)
        found = memory_room(system(tmp_path, files))
        assert (found.nbytes, found.of) == (2 * GB, "the control group /jobs/one")

    def test_without_one(self, tmp_path):
        assert memory_room(system(tmp_path, self.files(UNLIMITED, GB))).nbytes == 8 * GB

    @pytest.mark.parametrize(("both", "expected"), [(3 * GB, 1), (5 * GB, 3), (4 * GB, 2)])
    def test_swap_space(self, tmp_path, both, expected):
        swap = {
            "memory__memsw__limit_in_bytes": both,
            "memory__memsw__usage_in_bytes": 2 * GB,
        }
        files = self.files(3 * GB, 2 * GB, **swap)
        assert memory_room(system(tmp_path, files, swap=4 * GB)).nbytes == expected * GB


LIMITED = """
import resource, sys
from graphc.compiler.runtime.host_memory import memory_room
kind = getattr(resource, sys.argv[1])
resource.setrlimit(kind, (2**31, resource.RLIM_INFINITY))
found = memory_room()
assert sys.argv[1] in found.of, found
block = bytearray(found.nbytes - 2**24)
try:
    more = bytearray(2**25)
except MemoryError:
    print(found.nbytes)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux")
@pytest.mark.parametrize("kind", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_a_limit_of_the_process(kind):
    """So much is there, and not more."""
    if resource.getrlimit(getattr(resource, kind))[1] != resource.RLIM_INFINITY:
        pytest.skip("there is a limit already")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, kind], capture_output=True, text=True, check=True
    )
    assert 0 < int(done.stdout) < 2**31
