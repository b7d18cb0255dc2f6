// Subnormal results while a native program runs: below the smallest number that has all digits.
#ifndef GC_SUBNORMALS_H
#define GC_SUBNORMALS_H

// From here on results of the thread, and of threads that it starts, are 0 instead of subnormal, of
// the sign that they had. An Intel processor (Sapphire Rapids) takes 34 ns for eight products that
// are subnormal, 0.3 for others, and the means of squares of RMSprop and Adam where a gradient
// stays 0 decay to such numbers and remain there: a multiple of the smallest one rounds to itself.
// Subnormal operands count. Other processors than x86's round as ever.
inline void gc_flush() {
#if defined(__SSE__)
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 1u << 15);
#endif
}

// The same while it lives.
class gc_flushing {
 public:
#if defined(__SSE__)
  gc_flushing() : before(__builtin_ia32_stmxcsr()) { gc_flush(); }
  ~gc_flushing() { __builtin_ia32_ldmxcsr(before); }
  gc_flushing(const gc_flushing&) = delete;

 private:
  const unsigned before;
#else
  gc_flushing() {}
#endif
};

#endif
