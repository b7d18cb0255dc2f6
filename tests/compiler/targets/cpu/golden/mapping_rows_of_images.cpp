void rows_of_images(
    int batch, const float* __restrict__ x0, const float* __restrict__ x1,
    float* y0) {
  #pragma omp parallel for schedule(static) \
      if ((gc_int64)418952 * batch >= 65536)
  for (int i0_i2_outer = 0; i0_i2_outer < 2 * batch; ++i0_i2_outer) {
    float* const image = gc_scratch<float>(0, 9220);
    // what is read behind image
    #pragma omp simd
    for (int image_behind = 0; image_behind < 4; ++image_behind) {
      image[image_behind + 9216] = 0.0f;
    }
    // copy what is read of x0 to image
    for (int image_axis1 = 0; image_axis1 < 16; ++image_axis1) {
      for (int image_axis2 = 0; image_axis2 < 18; ++image_axis2) {
        #pragma omp simd
        for (int image_axis3_below = 0; image_axis3_below < 2;
            ++image_axis3_below) {
          image[image_axis1 * 576 + image_axis2 * 32 + image_axis3_below] =
              0.0f;
        }
        if (i0_i2_outer % 2 * 14 + image_axis2 >= 2 &&
            i0_i2_outer % 2 * 14 + image_axis2 < 30) {
          #pragma omp simd
          for (int image_axis3_behind_below = 0; image_axis3_behind_below < 28;
              ++image_axis3_behind_below) {
            image[image_axis1 * 576 + image_axis2 * 32 +
                image_axis3_behind_below + 2] =
                x0[i0_i2_outer / 2 * 12544 + i0_i2_outer % 2 * 392 +
                    image_axis1 * 784 + image_axis2 * 28 +
                    image_axis3_behind_below - 56];
          }
        } else {
          #pragma omp simd
          for (int image_axis3_behind_below = 0; image_axis3_behind_below < 28;
              ++image_axis3_behind_below) {
            image[image_axis1 * 576 + image_axis2 * 32 +
                image_axis3_behind_below + 2] = 0.0f;
          }
        }
        #pragma omp simd
        for (int image_axis3_behind_behind = 0; image_axis3_behind_behind < 2;
            ++image_axis3_behind_behind) {
          image[image_axis1 * 576 + image_axis2 * 32 +
              image_axis3_behind_behind + 30] = 0.0f;
        }
      }
    }
    float* const s0 = gc_scratch<float>(1, 14336);
    gc_windows_product<gc_height(8), 16, 5, 5>(32, 448, s0, 448, x1, 400, image,
        576, 32, 1);
    for (int i1 = 0; i1 < 32; ++i1) {
      for (int i2_inner = 0; i2_inner < 14; ++i2_inner) {
        #pragma omp simd
        for (int i3 = 0; i3 < 28; ++i3) {
          y0[i0_i2_outer / 2 * 25088 + i0_i2_outer % 2 * 392 + i1 * 784 +
              i2_inner * 28 + i3] = s0[i1 * 448 + i2_inner * 32 + i3];
        }
      }
    }
  }
}
