// Subnormal results while a native program runs: below the smallest number that has all digits.
#ifndef GC_SUBNORMALS_H
#define GC_SUBNORMALS_H

// While it lives, results of its thread, and of the threads that this one starts, are 0 instead of
// subnormal, of the sign that they had. An Intel processor (Sapphire Rapids) takes 34 ns for eight
// products that are subnormal, 0.3 for others, and the means of squares of RMSprop and Adam where a
// gradient stays 0 decay to such numbers and remain there: a multiple of the smallest one rounds to
// itself. Subnormal operands count. Other processors than x86's round as ever.
class gc_flushing {
 public:
#if defined(__SSE__)
  gc_flushing() : before(__builtin_ia32_stmxcsr()) { __builtin_ia32_ldmxcsr(before | 1u << 15); }
  ~gc_flushing() { __builtin_ia32_ldmxcsr(before); }
  gc_flushing(const gc_flushing&) = delete;

 private:
  const unsigned before;
#else
  gc_flushing() {}
#endif
};

#endif
