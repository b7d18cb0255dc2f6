void places_in_order(
    int batch, gc_uint64* status, const int* __restrict__ x0,
    const float* __restrict__ x1, float* y0) {
  float* const s0 = gc_scratch<float>(0, 1000);
  #pragma omp simd
  for (int i0 = 0; i0 < 1000; ++i0) {
    s0[i0] = 0.0f;
  }
  // scatter_add
  for (int k0 = 0; k0 < batch; ++k0) {
    const int g0 = gc_check_index(status, 0, k0, x0[k0], 1000);
    s0[g0] = gc_add(s0[g0], x1[k0]);
  }
  #pragma omp simd
  for (int i0 = 0; i0 < 1000; ++i0) {
    const float t0 = gc_mul(s0[i0], 3.0f);
    y0[i0] = t0;
  }
}
