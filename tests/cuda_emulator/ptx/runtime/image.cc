#include "image.h"

#include <string.h>

#include <stdexcept>

namespace emulator::ptx {
namespace {

constexpr char kMagic[17] = "graphc ptx 2\0\0\0\0";
constexpr size_t kMagicBytes = 16;

class Reader {
 public:
  explicit Reader(const char* data) : at_(data + kMagicBytes) {
    uint64_t bytes;
    memcpy(&bytes, at_, sizeof bytes);
    at_ += sizeof bytes;
    end_ = data + bytes;
  }
  uint32_t number() {
    uint32_t value;
    memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }
  std::string text() {
    const uint32_t bytes = number();
    return std::string(take(bytes), bytes);
  }
  const char* take(size_t bytes) {
    if (bytes > size_t(end_ - at_)) throw std::runtime_error("the image of the PTX is not whole");
    const char* here = at_;
    at_ += bytes;
    return here;
  }

 private:
  const char *at_, *end_;
};

Kernel kernel(Reader& in, const Module& module) {
  Kernel made{};
  made.name = in.text();
  made.locations = &module.locations;
  made.parameters.count = in.number();
  made.parameters.bytes = in.number();
  if (made.parameters.count > 128) throw std::runtime_error("more than 128 parameters");
  for (uint32_t i = 0; i < made.parameters.count; ++i) {
    made.parameters.offset[i] = in.number();
    made.parameters.size[i] = in.number();
  }
  made.static_shared = in.number();
  made.local_bytes = in.number();
  made.most_threads = in.number();
  made.registers = in.number();
  made.file_bytes = in.number();
  for (uint32_t left = in.number(); left != 0; --left) {
    Constant constant{};
    constant.slot = in.number();
    constant.bytes = in.number();
    const uint32_t place = in.number();
    constant.value = in.number();
    constant.value |= uint64_t(in.number()) << 32;
    if (place != kNone) constant.value += module.addresses.at(place);
    made.constants.push_back(constant);
  }
  for (uint32_t left = in.number(); left != 0; --left) {
    const uint32_t slot = in.number();
    made.specials.push_back({slot, in.number()});
  }
  for (uint32_t left = in.number(); left != 0; --left) made.forms.push_back(in.text());
  made.code.resize(in.number());
  const size_t bytes = made.code.size() * sizeof(Instruction);
  memcpy(made.code.data(), in.take(bytes), bytes);
  return made;
}

}  // namespace

bool is_image(const char* data) { return memcmp(data, kMagic, kMagicBytes) == 0; }

std::unique_ptr<Module> read(const char* data, uint64_t (*place)(const Global&)) {
  Reader in(data);
  auto module = std::make_unique<Module>();
  module->arch = in.number();
  for (uint32_t left = in.number(); left != 0; --left) module->locations.push_back(in.text());
  for (uint32_t left = in.number(); left != 0; --left) {
    Global global{};
    global.align = in.number();
    global.bytes = in.number();
    global.content = in.text();
    module->addresses.push_back(place(global));
    module->globals.push_back(std::move(global));
  }
  for (uint32_t left = in.number(); left != 0; --left) {
    module->kernels.push_back(kernel(in, *module));
  }
  return module;
}

}  // namespace emulator::ptx
