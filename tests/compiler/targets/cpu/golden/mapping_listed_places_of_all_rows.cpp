void listed_places_of_all_rows(
    int batch, gc_uint64* status, const int* __restrict__ x0,
    const float* __restrict__ x1, float* y0) {
  int* const bucket_of = gc_scratch<int>(0, 80 * batch);
  int* const bucket_begin = gc_scratch<int>(1, 20000);
  int* const bucket_end = gc_scratch<int>(2, 20000);
  int* const filled_buckets = gc_scratch<int>(3, 80 * batch);
  int* const turns = gc_scratch<int>(4, 80 * batch);
  // no bucket has a turn yet
  #pragma omp simd
  for (int bucket = 0; bucket < 20000; ++bucket) {
    bucket_begin[bucket] = 0;
    bucket_end[bucket] = 0;
  }
  int filled = 0;
  // count the turns of each bucket
  for (int k0_k1 = 0; k0_k1 < 80 * batch; ++k0_k1) {
    const int g0_2 = gc_check_index(status, 0, k0_k1, x0[k0_k1], 20000);
    bucket_of[k0_k1] = g0_2;
    const int size = bucket_end[g0_2];
    bucket_end[g0_2] = size + 1;
    if (size == 0) {
      const int number = filled;
      filled_buckets[number] = g0_2;
      filled = number + 1;
    }
  }
  const int buckets = filled;
  int listed = 0;
  // let each bucket begin where the one before ends
  for (int number_2 = 0; number_2 < buckets; ++number_2) {
    const int filled_bucket = filled_buckets[number_2];
    const int start = listed;
    const int turns_in_it = bucket_end[filled_bucket];
    bucket_begin[filled_bucket] = start;
    bucket_end[filled_bucket] = start;
    listed = start + turns_in_it;
  }
  // list the turns of each bucket
  for (int k0_k1 = 0; k0_k1 < 80 * batch; ++k0_k1) {
    const int own_bucket = bucket_of[k0_k1];
    const int next_place = bucket_end[own_bucket];
    turns[next_place] = k0_k1;
    bucket_end[own_bucket] = next_place + 1;
  }
  #pragma omp parallel for schedule(static)
  for (int i0 = 0; i0 < 20000; ++i0) {
    const int begin = bucket_begin[i0];
    const int end = bucket_end[i0];
    float s0[128];
    #pragma omp simd
    for (int i1 = 0; i1 < 128; ++i1) {
      s0[i1] = 0.0f;
    }
    // scatter_add
    for (int k0_k1_listed = 0; k0_k1_listed < end - begin; ++k0_k1_listed) {
      const int turn = turns[begin + k0_k1_listed];
      #pragma omp simd
      for (int i1 = 0; i1 < 128; ++i1) {
        s0[i1] = gc_add(s0[i1], x1[turn * 128 + i1]);
      }
    }
    #pragma omp simd
    for (int i1 = 0; i1 < 128; ++i1) {
      y0[i0 * 128 + i1] = s0[i1];
    }
  }
}
