// AddressSanitizer's interface; nothing where the driver is built without it.
#ifndef EMULATOR_SANITIZER_H
#define EMULATOR_SANITIZER_H

#include <stddef.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace emulator {

#ifdef __SANITIZE_ADDRESS__
constexpr bool kSanitized = true;
inline void poison(void* start, size_t bytes) { __asan_poison_memory_region(start, bytes); }
inline void unpoison(void* start, size_t bytes) { __asan_unpoison_memory_region(start, bytes); }
inline void start_switch(void** keep, const void* bottom, size_t bytes) {
  __sanitizer_start_switch_fiber(keep, bottom, bytes);
}
inline void finish_switch(void* kept, const void** bottom, size_t* bytes) {
  __sanitizer_finish_switch_fiber(kept, bottom, bytes);
}
#else
constexpr bool kSanitized = false;
inline void poison(void*, size_t) {}
inline void unpoison(void*, size_t) {}
inline void start_switch(void**, const void*, size_t) {}
inline void finish_switch(void*, const void**, size_t*) {}
#endif

}  // namespace emulator
#endif
