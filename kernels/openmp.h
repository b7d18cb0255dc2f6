// OpenMP, or what stands for it where a compiler has none: one thread.
#ifndef GC_OPENMP_H
#define GC_OPENMP_H

#ifdef _OPENMP
#include <omp.h>
#else
static inline int omp_get_thread_num() { return 0; }
static inline int omp_get_num_threads() { return 1; }
static inline int omp_get_max_threads() { return 1; }
static inline void omp_set_num_threads(int) {}
#endif

#endif
