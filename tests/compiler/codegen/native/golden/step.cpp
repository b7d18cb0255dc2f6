extern "C" void graphc_step(void* const* at, const int* size, const unsigned int* word,
                            gc_uint64 call_step, gc_uint64* status, double* seconds,
                            int (*told)(int)) {
  const gc_watch watch{seconds, told};
  watch.run(0, [&] { k0_pointwise(size[0], (float*)at[0]); });
  if (watch.stops(0)) return;
  for (int turn0 = 0; turn0 < size[1]; ++turn0) {  // simplernn_1
    const int step0 = turn0;
    watch.run(1, [&] { k1_matmul(turn0 == 0 ? (float*)at[0] : turn0 % 2 ? (float*)at[1] :
        (float*)at[2], (float*)at[3], size[0], step0, (float*)at[4], size[1], turn0 == size[1] - 1
        ? (float*)at[5] : turn0 % 2 ? (float*)at[2] : (float*)at[1]); });
  }
  if (watch.stops(1)) return;
  (void)at, (void)size, (void)word, (void)call_step, (void)status, (void)watch;
}

