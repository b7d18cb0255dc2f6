void places_of_poolings(
    int batch, const float* __restrict__ x0, const int* __restrict__ x1,
    const float* __restrict__ x2, float* y0) {
  float* const s0 = gc_scratch<float>(0, 1500);
  for (int i1 = 0; i1 < 20; ++i1) {
    for (int i2 = 0; i2 < 5; ++i2) {
      #pragma omp simd
      for (int i3_i0 = 0; i3_i0 < 15; ++i3_i0) {
        s0[i1 * 75 + i2 * 15 + i3_i0] = 0.0f;
      }
    }
  }
  float* const s0_parts = gc_scratch<float>(1, 12000);
  // conv
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)(14971 * batch + 12000) >= 65536)
  for (int k0_outer = 0; k0_outer < 8; ++k0_outer) {
    // start the parts of s0
    for (int i1 = 0; i1 < 20; ++i1) {
      for (int i2 = 0; i2 < 5; ++i2) {
        #pragma omp simd
        for (int i3_5_i0 = 0; i3_5_i0 < 15; ++i3_5_i0) {
          s0_parts[k0_outer * 1500 + i1 * 75 + i2 * 15 + i3_5_i0] = 0.0f;
        }
      }
    }
    for (int k0_inner = 0;
        k0_inner < (k0_outer * batch + batch) / 8 - k0_outer * batch / 8;
        ++k0_inner) {
      int* const places = gc_scratch<int>(2, 2880);
      // compute window_place ahead, to places
      for (int places_axis0 = 0; places_axis0 < 20; ++places_axis0) {
        #pragma omp simd
        for (int places_axis1_places_axis2 = 0; places_axis1_places_axis2 < 144;
            ++places_axis1_places_axis2) {
          const int given_place_3 =
              x1[k0_outer * batch / 8 * 2880 + k0_inner * 2880 +
                  places_axis0 * 144 + places_axis1_places_axis2];
          places[places_axis0 * 144 + places_axis1_places_axis2] =
              gc_minimum(gc_maximum(given_place_3, 0), 3);
        }
      }
      float* const scales = gc_scratch<float>(3, 2880);
      // compute window_factor ahead, to scales
      for (int scales_axis0 = 0; scales_axis0 < 20; ++scales_axis0) {
        #pragma omp simd
        for (int scales_axis1_scales_axis2 = 0; scales_axis1_scales_axis2 < 144;
            ++scales_axis1_scales_axis2) {
          const int given_place_2 =
              x1[k0_outer * batch / 8 * 2880 + k0_inner * 2880 +
                  scales_axis0 * 144 + scales_axis1_scales_axis2];
          const float window_value_2 =
              x2[k0_outer * batch / 8 * 2880 + k0_inner * 2880 +
                  scales_axis0 * 144 + scales_axis1_scales_axis2];
          const int window_place_2 =
              gc_minimum(gc_maximum(given_place_2, 0), 3);
          scales[scales_axis0 * 144 + scales_axis1_scales_axis2] =
              gc_where(gc_equal(given_place_2, window_place_2), window_value_2,
                  0.0f);
        }
      }
      float* const image = gc_scratch<float>(4, 2368);
      // what is read behind image
      #pragma omp simd
      for (int image_behind = 0; image_behind < 16; ++image_behind) {
        image[image_behind + 2352] = 0.0f;
      }
      gc_transpose(3, 784, x0 + k0_outer * batch / 8 * 2352 + k0_inner * 2352,
          784, image, 3);  // copy what is read of x0 to image
      gc_placed_sums<20, 1, 12, 12, 1, 2, 2, 0, 84, 3, 0, 168, 6, 1, 5, 15, 0,
          84>(s0_parts + k0_outer * 1500, places, scales, image);
    }
  }
  for (int i1 = 0; i1 < 20; ++i1) {
    // combine the parts of s0
    for (int s0_part = 0; s0_part < 8; ++s0_part) {
      for (int i2 = 0; i2 < 5; ++i2) {
        #pragma omp simd
        for (int i3_6_i0 = 0; i3_6_i0 < 15; ++i3_6_i0) {
          s0[i1 * 75 + i2 * 15 + i3_6_i0] =
              gc_add(s0[i1 * 75 + i2 * 15 + i3_6_i0],
                  s0_parts[i1 * 75 + s0_part * 1500 + i2 * 15 + i3_6_i0]);
        }
      }
    }
    for (int i2 = 0; i2 < 5; ++i2) {
      for (int i3 = 0; i3 < 5; ++i3) {
        for (int i0 = 0; i0 < 3; ++i0) {
          y0[i1 * 25 + i2 * 5 + i3 + i0 * 500] =
              s0[i1 * 75 + i2 * 15 + i3 * 3 + i0];
        }
      }
    }
  }
}
