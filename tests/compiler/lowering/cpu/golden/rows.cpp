// k0_rows: activation_1: max, sub, exp, sum, div
// batch x 10 elements, rows in lanes
// x0: activation_1/x float32[batch, 10]
// y0: activation_1/div float32[batch, 10]
void k0_rows(
    int batch, const float* __restrict__ x0, float* y0) {
  #pragma omp parallel for schedule(static) if ((gc_int64)54 * batch >= 65536)
  for (int i0 = 0; i0 < batch; ++i0) {
    float s0 = -gc_infinity<float>();
    float s0_parts[4];
    // start the parts of s0
    for (int s0_part = 0; s0_part < 4; ++s0_part) {
      s0_parts[s0_part] = -gc_infinity<float>();
    }
    for (int k0_inner_outer = 0; k0_inner_outer < 2; ++k0_inner_outer) {
      for (int k0_inner_inner = 0; k0_inner_inner < 4; ++k0_inner_inner) {
        // activation_1
        s0_parts[k0_inner_inner] =
            gc_larger(s0_parts[k0_inner_inner],
                x0[i0 * 10 + k0_inner_outer * 4 + k0_inner_inner]);
      }
    }
    // combine the parts of s0
    for (int s0_part = 0; s0_part < 4; ++s0_part) {
      s0 = gc_larger(s0, s0_parts[s0_part]);
    }
    // max
    for (int k0_rest = 0; k0_rest < 2; ++k0_rest) {
      s0 = gc_larger(s0, x0[i0 * 10 + k0_rest + 8]);  // activation_1
    }
    float s1 = 0.0f;
    float kept[10];
    // sum
    #pragma omp simd
    for (int k1 = 0; k1 < 10; ++k1) {
      const float t0 = gc_sub(x0[i0 * 10 + k1], s0);  // activation_1
      const float t1 = gc_exp(t0);  // activation_1
      kept[k1] = t1;
    }
    float s1_parts[4];
    // start the parts of s1
    for (int s1_part = 0; s1_part < 4; ++s1_part) {
      s1_parts[s1_part] = 0.0f;
    }
    for (int k1_2_inner_outer = 0; k1_2_inner_outer < 2; ++k1_2_inner_outer) {
      for (int k1_2_inner_inner = 0; k1_2_inner_inner < 4; ++k1_2_inner_inner) {
        s1_parts[k1_2_inner_inner] =
            gc_add(s1_parts[k1_2_inner_inner],
                kept[k1_2_inner_outer * 4 + k1_2_inner_inner]);  // activation_1
      }
    }
    // combine the parts of s1
    for (int s1_part = 0; s1_part < 2; ++s1_part) {
      s1_parts[s1_part] = gc_add(s1_parts[s1_part], s1_parts[s1_part + 2]);
    }
    s1_parts[0] = gc_add(s1_parts[0], s1_parts[1]);
    s1 = gc_add(s1, s1_parts[0]);
    // sum
    for (int k1_2_rest = 0; k1_2_rest < 2; ++k1_2_rest) {
      s1 = gc_add(s1, kept[k1_2_rest + 8]);  // activation_1
    }
    #pragma omp simd
    for (int k2 = 0; k2 < 10; ++k2) {
      const float t2 = kept[k2];  // activation_1
      const float t3 = gc_div(t2, s1);  // activation_1
      y0[i0 * 10 + k2] = t3;
    }
  }
}
