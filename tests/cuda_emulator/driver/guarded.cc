#include "guarded.h"

#include <cstdlib>
#include <new>

#include "sanitizer.h"

namespace emulator {
namespace {

constexpr size_t kZone = 256;  // also what CUDA aligns allocations to
constexpr unsigned char kPattern[4] = {0xD3, 0xE2, 0xF1, 0xFF};  // little endian: 0xFFF1E2D3

void paint(char* start, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) start[i] = static_cast<char>(kPattern[i % 4]);
}

// The first byte that is not as painted, or `bytes`.
size_t first_change(const char* start, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) {
    if (static_cast<unsigned char>(start[i]) != kPattern[i % 4]) return i;
  }
  return bytes;
}

}  // namespace

size_t Guarded::after() const { return kZone + (kZone - bytes_ % kZone) % kZone; }

Guarded::Guarded(size_t bytes) : bytes_(bytes) {
  memory_ = static_cast<char*>(std::aligned_alloc(kZone, kZone + bytes_ + after()));
  if (memory_ == nullptr) throw std::bad_alloc();
  data_ = memory_ + kZone;
  fill();
  paint_zones();
}

Guarded::~Guarded() {
  unpoison(memory_, kZone + bytes_ + after());
  std::free(memory_);
}

void Guarded::paint_zones() {
  paint(memory_, kZone);
  paint(data_ + bytes_, after());
  poison(memory_, kZone);
  poison(data_ + bytes_, after());
}

void Guarded::fill() { paint(data_, bytes_); }

void Guarded::forbid() { poison(data_, bytes_); }

std::string Guarded::change() {
  unpoison(data_, bytes_);
  const size_t at = first_change(data_, bytes_);
  fill();
  forbid();
  if (at == bytes_) return "";
  return "byte " + std::to_string(at) + " of its " + std::to_string(bytes_) + " bytes";
}

std::string Guarded::damage() {
  unpoison(memory_, kZone);
  unpoison(data_ + bytes_, after());
  const size_t behind = first_change(data_ + bytes_, after());
  const size_t before = first_change(memory_, kZone);
  std::string text;
  if (behind < after()) {
    text = "byte " + std::to_string(behind) + " after its " + std::to_string(bytes_) + " bytes";
  } else if (before < kZone) {
    text = "byte " + std::to_string(kZone - before) + " before its " + std::to_string(bytes_) +
           " bytes";
  }
  paint_zones();
  return text;
}

}  // namespace emulator
