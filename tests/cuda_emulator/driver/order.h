// In which order the threads of a block, and the blocks of a grid, have their turn.
#ifndef EMULATOR_ORDER_H
#define EMULATOR_ORDER_H

#include <stdlib.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace emulator {

class Order {
 public:
  Order() {
    const char* set = getenv("GRAPHC_CUDA_ORDER");
    const std::string name = set ? set : "up";
    if (name.rfind("shuffled:", 0) == 0) {
      shuffled_ = true;
      generator_.seed(static_cast<unsigned>(strtoul(name.c_str() + 9, nullptr, 10)));
    } else if (name == "down") {
      down_ = true;
    } else if (name != "up") {
      error_ = "GRAPHC_CUDA_ORDER: expected up, down or shuffled:SEED, received '" + name + "'";
    }
  }

  // A shuffled order is another one at each call.
  std::vector<unsigned> of(unsigned count) {
    std::vector<unsigned> order(count);
    std::iota(order.begin(), order.end(), 0u);
    if (down_) std::reverse(order.begin(), order.end());
    if (shuffled_) std::shuffle(order.begin(), order.end(), generator_);
    return order;
  }

  const std::string& error() const { return error_; }

 private:
  bool down_ = false, shuffled_ = false;
  std::mt19937 generator_;
  std::string error_;
};

}  // namespace emulator
#endif
