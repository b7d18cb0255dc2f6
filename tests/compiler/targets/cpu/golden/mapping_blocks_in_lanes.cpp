void blocks_in_lanes(
    const float* __restrict__ x0, float* y0) {
  float s0 = 0.0f;
  float s0_parts[32];
  // start the parts of s0
  #pragma omp simd
  for (int s0_part = 0; s0_part < 32; ++s0_part) {
    s0_parts[s0_part] = 0.0f;
  }
  float* const s0_parts_parts = gc_scratch<float>(0, 2048);
  // sum
  #pragma omp parallel for schedule(static)
  for (int k0_outer_outer = 0; k0_outer_outer < 64; ++k0_outer_outer) {
    // start the parts of s0_parts
    #pragma omp simd
    for (int k0_inner = 0; k0_inner < 32; ++k0_inner) {
      s0_parts_parts[k0_outer_outer * 32 + k0_inner] = 0.0f;
    }
    for (int k0_outer_inner = 0; k0_outer_inner < 512; ++k0_outer_inner) {
      #pragma omp simd
      for (int k0_inner = 0; k0_inner < 32; ++k0_inner) {
        s0_parts_parts[k0_outer_outer * 32 + k0_inner] =
            gc_add(s0_parts_parts[k0_outer_outer * 32 + k0_inner],
                x0[k0_outer_outer * 16384 + k0_outer_inner * 32 + k0_inner]);
      }
    }
  }
  // combine the parts of s0_parts
  for (int s0_parts_part = 0; s0_parts_part < 64; ++s0_parts_part) {
    #pragma omp simd
    for (int k0_inner = 0; k0_inner < 32; ++k0_inner) {
      s0_parts[k0_inner] =
          gc_add(s0_parts[k0_inner],
              s0_parts_parts[s0_parts_part * 32 + k0_inner]);
    }
  }
  // combine the parts of s0
  #pragma omp simd
  for (int s0_part = 0; s0_part < 16; ++s0_part) {
    s0_parts[s0_part] = gc_add(s0_parts[s0_part], s0_parts[s0_part + 16]);
  }
  #pragma omp simd
  for (int s0_part = 0; s0_part < 8; ++s0_part) {
    s0_parts[s0_part] = gc_add(s0_parts[s0_part], s0_parts[s0_part + 8]);
  }
  for (int s0_part = 0; s0_part < 4; ++s0_part) {
    s0_parts[s0_part] = gc_add(s0_parts[s0_part], s0_parts[s0_part + 4]);
  }
  for (int s0_part = 0; s0_part < 2; ++s0_part) {
    s0_parts[s0_part] = gc_add(s0_parts[s0_part], s0_parts[s0_part + 2]);
  }
  s0_parts[0] = gc_add(s0_parts[0], s0_parts[1]);
  s0 = gc_add(s0, s0_parts[0]);
  const float s0_result = s0;
  y0[0] = s0_result;
}
