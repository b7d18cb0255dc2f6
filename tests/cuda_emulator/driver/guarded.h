// Memory between two red zones.
#ifndef EMULATOR_GUARDED_H
#define EMULATOR_GUARDED_H

#include <stddef.h>

#include <string>

namespace emulator {

class Guarded {
 public:
  explicit Guarded(size_t bytes);  // throws std::bad_alloc; filled, see fill()
  ~Guarded();
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  char* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  void fill();  // NaN as float32 and as float64, and no likely int
  // The first store outside, as "byte 12 after its 1024 bytes"; empty if there was none. The red
  // zones are as new afterwards, so that one store is reported once.
  std::string damage();
  void forbid();  // all of it is a red zone from now on
  // The first store into it since then, as "byte 12 of its 1024 bytes"; it is as new afterwards.
  std::string change();

 private:
  size_t after() const;  // bytes of the red zone behind
  void paint_zones();

  char* memory_;
  char* data_;
  size_t bytes_;
};

}  // namespace emulator
#endif
