void in_phases(
    const float* __restrict__ x0, float* y0) {
  float* const common = gc_scratch<float>(0, 48);
  {
    for (int half = 0; half < 2; ++half) {
      for (int member = 0; member < 8; ++member) {
        float* const own = gc_scratch<float>(1, 6);
        for (int k = 0; k < 6; ++k) {
          own[k] = x0[half * 48 + member * 6 + k];
        }
        for (int k1 = 0; k1 < 6; ++k1) {
          common[member * 6 + k1] = own[k1];
        }
      }
      for (int member = 0; member < 8; ++member) {
        for (int k2 = 0; k2 < 6; ++k2) {
          y0[half * 48 + member * 6 + k2] =
              gc_neg(common[k2 + 42 - member * 6]);
        }
      }
    }
  }
}
