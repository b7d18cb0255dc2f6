void blocks_in_lanes(
    const float* __restrict__ x0, float* y0) {
  float s0 = 0.0f;
  float* const s0_parts = gc_scratch<float>(0, 64);
  // sum
  #pragma omp parallel for schedule(static)
  for (int k0_outer = 0; k0_outer < 64; ++k0_outer) {
    s0_parts[k0_outer] = 0.0f;
    float s0_parts_parts[32];
    // start the parts of s0_parts
    #pragma omp simd
    for (int s0_parts_part = 0; s0_parts_part < 32; ++s0_parts_part) {
      s0_parts_parts[s0_parts_part] = 0.0f;
    }
    for (int k0_inner_outer = 0; k0_inner_outer < 512; ++k0_inner_outer) {
      #pragma omp simd
      for (int k0_inner_inner = 0; k0_inner_inner < 32; ++k0_inner_inner) {
        s0_parts_parts[k0_inner_inner] =
            gc_add(s0_parts_parts[k0_inner_inner],
                x0[k0_outer * 16384 + k0_inner_outer * 32 + k0_inner_inner]);
      }
    }
    // combine the parts of s0_parts
    #pragma omp simd
    for (int s0_parts_part = 0; s0_parts_part < 16; ++s0_parts_part) {
      s0_parts_parts[s0_parts_part] =
          gc_add(s0_parts_parts[s0_parts_part],
              s0_parts_parts[s0_parts_part + 16]);
    }
    #pragma omp simd
    for (int s0_parts_part = 0; s0_parts_part < 8; ++s0_parts_part) {
      s0_parts_parts[s0_parts_part] =
          gc_add(s0_parts_parts[s0_parts_part],
              s0_parts_parts[s0_parts_part + 8]);
    }
    for (int s0_parts_part = 0; s0_parts_part < 4; ++s0_parts_part) {
      s0_parts_parts[s0_parts_part] =
          gc_add(s0_parts_parts[s0_parts_part],
              s0_parts_parts[s0_parts_part + 4]);
    }
    for (int s0_parts_part = 0; s0_parts_part < 2; ++s0_parts_part) {
      s0_parts_parts[s0_parts_part] =
          gc_add(s0_parts_parts[s0_parts_part],
              s0_parts_parts[s0_parts_part + 2]);
    }
    s0_parts_parts[0] = gc_add(s0_parts_parts[0], s0_parts_parts[1]);
    s0_parts[k0_outer] = gc_add(s0_parts[k0_outer], s0_parts_parts[0]);
  }
  // combine the parts of s0
  for (int s0_part = 0; s0_part < 64; ++s0_part) {
    s0 = gc_add(s0, s0_parts[s0_part]);
  }
  const float s0_result = s0;
  y0[0] = s0_result;
}
