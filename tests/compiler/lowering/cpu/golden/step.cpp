extern "C" GC_EXPORTED void graphc_step(
    void* const* at, const int* size, const unsigned int* word,
    gc_uint64* calls, gc_uint64* status, double* seconds, int (*told)(int)) {
  const gc_uint64 call_step = *calls;
  *status = GC_STATUS_FINE;
  gc_watch watch(seconds, 3, told);
  const gc_flushing flushing;
  k0_pointwise(size[0], (float*)at[0]);
  if (watch.stops(0, 0)) return;
  k1_matmul((float*)at[1], (float*)at[2]);
  if (watch.stops(1, 1)) return;
  #pragma omp parallel \
      if ((gc_int64)size[1] * (gc_int64)size[0] * (gc_int64)128 >= 33554432)
  {
    int begin, end;
    gc_share(size[0], &begin, &end);
    for (int turn0 = 0; turn0 < size[1]; ++turn0) {  // simplernn_1
      const int step0 = turn0;
      watch.begins();
      k2_matmul(begin, end, step0, size[0], (float*)at[3],
          turn0 == 0 ? (float*)at[0] : turn0 % 2 ? (float*)at[4] :
          (float*)at[5], (float*)at[2],
          turn0 == size[1] - 1 ? (float*)at[6] : turn0 % 2 ? (float*)at[5] :
          (float*)at[4]);
      watch.ends(2);
    }
  }
  if (watch.stops(2)) return;
  *calls = call_step + 1;
  (void)at, (void)size, (void)word, (void)watch, (void)flushing;
}
