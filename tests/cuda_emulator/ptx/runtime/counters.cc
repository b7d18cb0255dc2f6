#include "counters.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace emulator::ptx {
namespace {

constexpr unsigned kSector = 32, kBank = 4, kBanks = 32;

bool is_on = false;
std::map<std::pair<std::string, std::string>, Count> totals;

uint64_t sectors_of(const std::vector<uint64_t>& addresses, unsigned bytes) {
  std::set<uint64_t> found;
  for (uint64_t at : addresses) {
    for (uint64_t k = at / kSector; k <= (at + bytes - 1) / kSector; ++k) found.insert(k);
  }
  return found.size();
}

// Lanes that together ask for 128 bytes have a pass of their own. In a pass a bank gives one word,
// to all lanes that ask for it.
uint64_t passes_of(const std::vector<uint64_t>& addresses, unsigned bytes) {
  const size_t together = std::min<size_t>(32, kBank * kBanks / std::max(bytes, kBank));
  uint64_t passes = 0;
  for (size_t start = 0; start < addresses.size(); start += together) {
    std::set<uint64_t> words[kBanks];
    size_t most = 0;
    for (size_t i = start; i < std::min(start + together, addresses.size()); ++i) {
      const uint64_t last = (addresses[i] + bytes - 1) / kBank;
      for (uint64_t word = addresses[i] / kBank; word <= last; ++word) {
        std::set<uint64_t>& bank = words[word % kBanks];
        bank.insert(word);
        most = std::max(most, bank.size());
      }
    }
    passes += most;
  }
  return passes;
}

}  // namespace

bool counting() { return is_on; }

void Counters::ran(const Instruction& it, uint32_t mask) {
  Count& count = counts_[it.form];
  ++count.warps;
  count.lanes += unsigned(__builtin_popcount(mask));
}

void Counters::touched(const Instruction& it, const std::vector<uint64_t>& addresses) {
  Count& count = counts_[it.form];
  const unsigned bytes = it.bytes * it.count;
  const Space space = Space(it.kind & 3);
  const std::set<uint64_t> different(addresses.begin(), addresses.end());
  if (space == Space::global) {
    count.sectors += sectors_of(addresses, bytes);
    count.least_sectors += (different.size() * bytes + kSector - 1) / kSector;
  } else if (space == Space::shared) {
    const size_t pass = kBank * kBanks;
    count.passes += passes_of(addresses, bytes);
    count.least_passes += (addresses.size() * std::max(bytes, kBank) + pass - 1) / pass;
  }
}

Counters::~Counters() {
  for (size_t form = 0; form < counts_.size(); ++form) {
    const Count& one = counts_[form];
    if (one.warps == 0) continue;
    Count& total = totals[{kernel_.name, kernel_.forms[form]}];
    total.warps += one.warps;
    total.lanes += one.lanes;
    total.parted += one.parted;
    total.sectors += one.sectors;
    total.least_sectors += one.least_sectors;
    total.passes += one.passes;
    total.least_passes += one.least_passes;
  }
}

}  // namespace emulator::ptx

extern "C" {

void emulator_ptx_count(int on) {
  emulator::ptx::is_on = on;
  if (on) emulator::ptx::totals.clear();
}

const char* emulator_ptx_counts() {
  static std::string text;
  text.clear();
  for (const auto& [key, count] : emulator::ptx::totals) {
    text += key.first + "\t" + key.second;
    for (uint64_t value : {count.warps, count.lanes, count.parted, count.sectors,
                           count.least_sectors, count.passes, count.least_passes}) {
      text += "\t" + std::to_string(value);
    }
    text += "\n";
  }
  return text.c_str();
}

}  // extern "C"
