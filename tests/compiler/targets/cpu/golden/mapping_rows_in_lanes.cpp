void rows_in_lanes(
    int batch, const float* __restrict__ x0, float* y0) {
  #pragma omp parallel for schedule(static) if ((gc_int64)2110 * batch >= 65536)
  for (int i0 = 0; i0 < batch; ++i0) {
    float s0 = -gc_infinity<float>();
    float s0_parts[32];
    // start the parts of s0
    #pragma omp simd
    for (int s0_part = 0; s0_part < 32; ++s0_part) {
      s0_parts[s0_part] = -gc_infinity<float>();
    }
    // max
    for (int k0_outer = 0; k0_outer < 32; ++k0_outer) {
      #pragma omp simd
      for (int k0_inner = 0; k0_inner < 32; ++k0_inner) {
        s0_parts[k0_inner] =
            gc_larger_in_lanes(s0_parts[k0_inner],
                x0[i0 * 1024 + k0_outer * 32 + k0_inner]);
      }
    }
    // combine the parts of s0
    #pragma omp simd
    for (int s0_part = 0; s0_part < 16; ++s0_part) {
      s0_parts[s0_part] =
          gc_larger_in_lanes(s0_parts[s0_part], s0_parts[s0_part + 16]);
    }
    #pragma omp simd
    for (int s0_part = 0; s0_part < 8; ++s0_part) {
      s0_parts[s0_part] =
          gc_larger_in_lanes(s0_parts[s0_part], s0_parts[s0_part + 8]);
    }
    for (int s0_part = 0; s0_part < 4; ++s0_part) {
      s0_parts[s0_part] = gc_larger(s0_parts[s0_part], s0_parts[s0_part + 4]);
    }
    for (int s0_part = 0; s0_part < 2; ++s0_part) {
      s0_parts[s0_part] = gc_larger(s0_parts[s0_part], s0_parts[s0_part + 2]);
    }
    s0_parts[0] = gc_larger(s0_parts[0], s0_parts[1]);
    s0 = gc_larger(s0, s0_parts[0]);
    #pragma omp simd simdlen(GC_LANES(float))
    for (int k1 = 0; k1 < 1024; ++k1) {
      const float t0 = gc_sub(x0[i0 * 1024 + k1], s0);
      const float t1 = gc_exp(t0);
      y0[i0 * 1024 + k1] = t1;
    }
  }
}
