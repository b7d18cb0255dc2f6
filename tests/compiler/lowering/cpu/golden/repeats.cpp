extern "C" GC_EXPORTED void graphc_step(
    void* const* at, const int* size, const unsigned int* word,
    gc_uint64* calls, gc_uint64* status, double* seconds, int (*told)(int)) {
  const gc_uint64 call_step = *calls;
  *status = GC_STATUS_FINE;
  gc_watch watch(seconds, 12, told);
  const gc_flushing flushing;
  static const int table0[6][4] = {
    {0, 2, 3, 4},  // layer_0
    {4, 5, 6, 7},  // layer_1, layer_0
    {7, 8, 9, 10},  // layer_2, layer_0
    {10, 11, 12, 13},  // layer_3, layer_0
    {13, 14, 15, 16},  // layer_4, layer_0
    {16, 17, 18, 19},  // layer_5, layer_0
  };
  for (int turn0 = 0; turn0 < 6; ++turn0) {
    const int* row0 = table0[turn0];
    k0_rows(size[0], (float*)at[row0[0]], (float*)at[1], (float*)at[row0[1]]);
    if (watch.stops(0 + 2 * turn0, 0 + 2 * turn0)) return;
    k1_matmul(size[0], (float*)at[row0[1]], (float*)at[row0[2]],
        (float*)at[row0[3]]);
    if (watch.stops(1 + 2 * turn0, 1 + 2 * turn0)) return;
  }
  *calls = call_step + 1;
  (void)at, (void)size, (void)word, (void)watch, (void)flushing;
}
