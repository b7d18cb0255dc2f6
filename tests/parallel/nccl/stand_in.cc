// A stand-in for libnccl: the calls that graphc/parallel/nccl.py makes, on memory of the host, or of
// the emulated CUDA driver where that is loaded: there a group is work of its stream, and happens
// when the stream is looked at. Ranks are processes that share a file, named by the unique id, with a
// mailbox for each pair of them. All calls of a group run at its end, taking turns.
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <vector>

namespace {

constexpr int kMostRanks = 8;
constexpr size_t kChunk = 4096;
constexpr int kSuccess = 0, kInvalidArgument = 4;

struct Mailbox {
  std::atomic<int> full;
  char bytes[kChunk];
};

struct Shared {
  std::atomic<int> arrived;
  Mailbox boxes[kMostRanks][kMostRanks];
};

struct Comm {
  Shared* shared;
  int rank, size;
  std::atomic<bool> is_aborted;
};

struct Message {
  Comm* comm;
  char* bytes;
  size_t left;
  int peer;
  bool is_sent;
};

using Group = std::vector<Message>;

thread_local int depth = 0;
thread_local Group queue;

// Of the first message of its kind for a peer, so that messages of a pair keep their order.
bool is_first(const Group& group, size_t k) {
  for (size_t j = 0; j < k; ++j)
    if (group[j].left && group[j].peer == group[k].peer && group[j].is_sent == group[k].is_sent)
      return false;
  return true;
}

void move_chunk(Message& one) {
  const int me = one.comm->rank;
  Mailbox& box = one.is_sent ? one.comm->shared->boxes[me][one.peer]
                             : one.comm->shared->boxes[one.peer][me];
  if (box.full.load(std::memory_order_acquire) != !one.is_sent) return;
  const size_t count = std::min(one.left, kChunk);
  if (one.is_sent)
    memcpy(box.bytes, one.bytes, count);
  else
    memcpy(one.bytes, box.bytes, count);
  box.full.store(one.is_sent, std::memory_order_release);
  one.bytes += count;
  one.left -= count;
}

// Moves what can be moved now; true once nothing is left.
bool advance(Group& group) {
  bool is_done = true;
  for (size_t k = 0; k < group.size(); ++k) {
    if (group[k].comm->is_aborted) continue;
    if (group[k].left && is_first(group, k)) move_chunk(group[k]);
    is_done &= group[k].left == 0;
  }
  return is_done;
}

int attempt(void* argument) {
  Group* group = static_cast<Group*>(argument);
  if (!advance(*group)) return 0;
  delete group;
  return 1;
}

int run_queue(void* stream) {
  using Enqueue = int (*)(void*, int (*)(void*), void*);
  static const Enqueue enqueue = reinterpret_cast<Enqueue>(dlsym(RTLD_DEFAULT, "emulatedEnqueue"));
  if (enqueue != nullptr) {
    enqueue(stream, attempt, new Group(std::move(queue)));
  } else {
    while (!advance(queue)) sched_yield();
  }
  queue.clear();
  return kSuccess;
}

thread_local void* stream_of_group;

int put(void* comm, const void* bytes, size_t count, int type, int peer, bool is_sent,
        void* stream) {
  Comm* known = static_cast<Comm*>(comm);
  if (type != 1 || peer < 0 || peer >= known->size) return kInvalidArgument;
  queue.push_back({known, static_cast<char*>(const_cast<void*>(bytes)), count, peer, is_sent});
  stream_of_group = stream;
  return depth ? kSuccess : run_queue(stream);
}

}  // namespace

extern "C" {

struct UniqueId {
  char internal[128];
};

int ncclGetVersion(int* version) {
  *version = 22701;
  return kSuccess;
}

const char* ncclGetErrorString(int result) {
  return result == kInvalidArgument ? "invalid argument" : "no error";
}

int ncclGetUniqueId(UniqueId* id) {
  snprintf(id->internal, sizeof id->internal, "/dev/shm/graphc-nccl-%d", getpid());
  return kSuccess;
}

int ncclCommInitRank(void** comm, int size, UniqueId id, int rank) {
  if (size > kMostRanks || rank < 0 || rank >= size) return kInvalidArgument;
  const int file = open(id.internal, O_RDWR | O_CREAT, 0600);
  if (ftruncate(file, sizeof(Shared))) return kInvalidArgument;
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  Shared* shared = static_cast<Shared*>(memory);
  ++shared->arrived;
  while (shared->arrived < size) sched_yield();
  if (rank == 0) unlink(id.internal);
  *comm = new Comm{shared, rank, size, {false}};
  return kSuccess;
}

int ncclCommDestroy(void* comm) {
  Comm* known = static_cast<Comm*>(comm);
  munmap(known->shared, sizeof(Shared));
  delete known;
  return kSuccess;
}

int ncclCommAbort(void* comm) {
  static_cast<Comm*>(comm)->is_aborted = true;  // and is kept: groups of streams may name it
  return kSuccess;
}

int ncclCommGetAsyncError(void*, int* result) {
  *result = kSuccess;
  return kSuccess;
}

int ncclGroupStart() {
  ++depth;
  return kSuccess;
}

int ncclGroupEnd() { return --depth ? kSuccess : run_queue(stream_of_group); }

int ncclSend(const void* bytes, size_t count, int type, int peer, void* comm, void* stream) {
  return put(comm, bytes, count, type, peer, true, stream);
}

int ncclRecv(void* bytes, size_t count, int type, int peer, void* comm, void* stream) {
  return put(comm, bytes, count, type, peer, false, stream);
}

// In place alone, as graphc calls it.
int ncclBroadcast(const void* sent, void* received, size_t count, int type, int root, void* comm,
                  void* stream) {
  Comm* known = static_cast<Comm*>(comm);
  if (sent != received) return kInvalidArgument;
  if (known->rank != root) return put(comm, received, count, type, root, false, stream);
  ncclGroupStart();
  int result = kSuccess;
  for (int peer = 0; peer < known->size; ++peer)
    if (peer != root && result == kSuccess) result = put(comm, sent, count, type, peer, true, stream);
  ncclGroupEnd();
  return result;
}

// In place alone, too.
int ncclAllGather(const void* sent, void* received, size_t count, int type, void* comm,
                  void* stream) {
  Comm* known = static_cast<Comm*>(comm);
  char* whole = static_cast<char*>(received);
  if (sent != whole + known->rank * count) return kInvalidArgument;
  ncclGroupStart();
  int result = kSuccess;
  for (int root = 0; root < known->size && result == kSuccess; ++root) {
    char* part = whole + root * count;
    result = ncclBroadcast(part, part, count, type, root, comm, stream);
  }
  ncclGroupEnd();
  return result;
}

}  // extern "C"
