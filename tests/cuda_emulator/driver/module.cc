#include "module.h"

#include <dlfcn.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "memory.h"

namespace emulator {
namespace {

// The image comes without its length; the header of an ELF file tells it.
size_t image_bytes(const char* image) {
  Elf64_Ehdr header;
  memcpy(&header, image, sizeof header);
  size_t end = header.e_shoff + size_t(header.e_shentsize) * header.e_shnum;
  for (int i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    memcpy(&section, image + header.e_shoff + i * sizeof section, sizeof section);
    if (section.sh_type == SHT_NOBITS) continue;
    end = std::max<size_t>(end, section.sh_offset + section.sh_size);
  }
  return end;
}

// A module is loaded from a file, which stays until the process ends: a sanitizer reads the numbers
// of lines from it. Names are never used twice, as dlopen would take the library of the first.
class Files {
 public:
  ~Files() {
    for (const std::string& name : names_) unlink(name.c_str());
  }
  // Empty if it cannot be written.
  std::string add(const char* image, size_t bytes) {
    const char* folder = getenv("TMPDIR");
    const std::string name = std::string(folder ? folder : "/tmp") + "/graphc-emulated-" +
                             std::to_string(getpid()) + "-" + std::to_string(names_.size());
    std::ofstream file(name, std::ios::binary);
    file.write(image, static_cast<std::streamsize>(bytes));
    file.close();
    if (!file) return "";
    names_.push_back(name);
    return name;
  }

 private:
  std::vector<std::string> names_;
} files;

// A cubin runs on cards of its major version whose minor version is not lower.
CUresult check_architecture(unsigned made_for, std::string* why) {
  const unsigned major = made_for / 10, minor = made_for % 10;
  const Card here = card();
  if (int(major) == here.major && int(minor) <= here.minor) return CUDA_SUCCESS;
  *why = "made for sm_" + std::to_string(made_for) + ", and the card is sm_" +
         std::to_string(here.major) + std::to_string(here.minor);
  return CUDA_ERROR_NO_BINARY_FOR_GPU;
}

void add(Module& module, Function function) {
  const std::string name = function.name();
  module.functions[name] = functions().add(std::make_unique<Function>(std::move(function)));
}

// Its global variables are device memory that stays as long as the context.
CUresult load_program(Module& made, const char* image, std::string* why) {
  static Context* context;
  context = &made.context;
  const auto place = [](const ptx::Global& global) -> uint64_t {
    const CUdeviceptr address = allocate(*context, global.bytes);
    memcpy(reinterpret_cast<char*>(address), global.content.data(), global.content.size());
    allocation_at(address)->shadow.mark(0, global.content.size());
    return address;
  };
  try {
    made.program = ptx::read(image, place);
  } catch (const std::exception& error) {
    *why = error.what();
    return CUDA_ERROR_INVALID_IMAGE;
  }
  const CUresult wrong = check_architecture(made.program->arch, why);
  if (wrong) return wrong;
  for (const ptx::Kernel& kernel : made.program->kernels) {
    const size_t own = std::min<size_t>(kernel.static_shared, kSharedDefault);
    add(made, {made.context, nullptr, nullptr, &kernel, kSharedDefault - own});
  }
  return CUDA_SUCCESS;
}

CUresult load_library(Module& made, const char* image, std::string* why) {
  const std::string path = files.add(image, image_bytes(image));
  if (path.empty()) return CUDA_ERROR_OPERATING_SYSTEM;
  made.library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  auto* table = made.library ? static_cast<emu_module*>(dlsym(made.library, "emu_module_table"))
                             : nullptr;
  if (table == nullptr) {
    *why = std::string("not made by the emulated nvcc: ") +
           (made.library ? "no emu_module_table" : dlerror());
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  }
  const CUresult wrong = check_architecture(table->arch, why);
  if (wrong) return wrong;
  for (unsigned i = 0; i < table->count; ++i) {
    add(made, {made.context, table, &table->kernels[i], nullptr, kSharedDefault});
  }
  return CUDA_SUCCESS;
}

}  // namespace

Module::~Module() {
  for (auto& [name, function] : functions) emulator::functions().erase(function);
  if (library) dlclose(library);
}

Handles<CUmodule, Module>& modules() {
  static auto& all = *new Handles<CUmodule, Module>;
  return all;
}

Handles<CUfunction, Function>& functions() {
  static auto& all = *new Handles<CUfunction, Function>;
  return all;
}

CUresult load(Context& context, const char* image, CUmodule* module, std::string* why) {
  auto made = std::make_unique<Module>(context);
  CUresult result = CUDA_ERROR_INVALID_IMAGE;
  if (ptx::is_image(image)) {
    result = load_program(*made, image, why);
  } else if (memcmp(image, ELFMAG, SELFMAG) == 0) {
    result = load_library(*made, image, why);
  } else {
    *why = "neither a cubin of the emulated nvcc nor its PTX";
  }
  if (result == CUDA_SUCCESS) *module = modules().add(std::move(made));
  return result;
}

bool unload(CUmodule module) { return modules().erase(module); }

void forget_modules(const Context& context) {
  const auto own = modules().select([&](const Module& one) { return &one.context == &context; });
  for (CUmodule module : own) modules().erase(module);
}

}  // namespace emulator
