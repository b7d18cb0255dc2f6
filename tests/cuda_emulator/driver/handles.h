// Objects by handle. A handle is used once, so that one that is kept for too long is known as such.
// Those of the process are made by `new` and never deleted: they refer to each other until its end.
#ifndef EMULATOR_HANDLES_H
#define EMULATOR_HANDLES_H

#include <stdint.h>

#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace emulator {

inline uintptr_t next_handle() {
  static uintptr_t last = 0x100000;  // above CU_STREAM_LEGACY and CU_STREAM_PER_THREAD
  return last += 0x100;
}

template <typename Handle, typename T> class Handles {
 public:
  Handle add(std::unique_ptr<T> object) {
    const auto handle = reinterpret_cast<Handle>(next_handle());
    objects_[handle] = std::move(object);
    return handle;
  }
  // Null for what is no handle, or one of what is gone.
  T* find(Handle handle) const {
    auto found = objects_.find(handle);
    return found == objects_.end() ? nullptr : found->second.get();
  }
  bool erase(Handle handle) { return objects_.erase(handle) != 0; }
  // Those of which `chosen(object)` is true.
  template <typename Chosen> std::vector<Handle> select(Chosen chosen) const {
    std::vector<Handle> found;
    for (auto& [handle, object] : objects_) {
      if (chosen(*object)) found.push_back(handle);
    }
    return found;
  }

 private:
  std::map<Handle, std::unique_ptr<T>> objects_;
};

}  // namespace emulator
#endif
