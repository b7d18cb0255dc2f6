// The driver's interface: modules, functions and launches. A "cubin" is a shared object, or PTX as
// ptx/encode.py writes it.
#include <dlfcn.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "card.h"
#include "state.h"

using namespace emulator;

namespace {

constexpr size_t kSharedDefault = 48 << 10;

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

// A module of PTX. Its global variables are device memory that stays until the process ends.
CUresult load_program(CUmodule* module, const char* image, std::string* why) {
  const auto place = [](const ptx::Global& global) -> uint64_t {
    const CUdeviceptr address = allocate(global.bytes);
    memcpy(reinterpret_cast<char*>(address), global.content.data(), global.content.size());
    allocation_at(address)->shadow.mark(0, global.content.size());
    return address;
  };
  try {
    auto made = std::make_unique<CUmod_st>();
    made->program = ptx::read(image, place);
    for (const ptx::Kernel& kernel : made->program->kernels) {
      made->functions[kernel.name] = {nullptr, nullptr, &kernel, kSharedDefault};
    }
    *module = made.release();
    return CUDA_SUCCESS;
  } catch (const std::exception& error) {
    if (why != nullptr) *why = error.what();
    return CUDA_ERROR_INVALID_IMAGE;
  }
}

CUresult load(CUmodule* module, const char* image, std::string* why = nullptr) {
  if (ptx::is_image(image)) return load_program(module, image, why);
  if (memcmp(image, ELFMAG, SELFMAG) != 0) return CUDA_ERROR_INVALID_IMAGE;
  const std::string path = files.add(image, image_bytes(image));
  if (path.empty()) return CUDA_ERROR_OPERATING_SYSTEM;
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  auto* table = library ? static_cast<emu_module*>(dlsym(library, "emu_module_table")) : nullptr;
  if (table == nullptr) {
    const char* reason = library ? "no emu_module_table" : dlerror();
    if (why != nullptr) *why = std::string("not made by the emulated nvcc: ") + reason;
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  }
  auto* made = new CUmod_st{library, nullptr, {}};
  for (unsigned i = 0; i < table->count; ++i) {
    made->functions[table->kernels[i].name] = {table, &table->kernels[i], nullptr, kSharedDefault};
  }
  *module = made;
  return CUDA_SUCCESS;
}

// The packed parameters of a launch; false if they are not the kernel's.
bool parameters_of(const CUfunc_st& function, void** separate, void** extra,
                   std::vector<char>* out) {
  const emu_parameters& wanted =
      function.program ? function.program->parameters : function.kernel->parameters;
  out->resize(wanted.bytes + 16);
  if (separate != nullptr) {
    for (unsigned i = 0; i < wanted.count; ++i) {
      memcpy(out->data() + wanted.offset[i], separate[i], wanted.size[i]);
    }
    return true;
  }
  const void* buffer = nullptr;
  size_t bytes = 0;
  for (; extra != nullptr && *extra != CU_LAUNCH_PARAM_END; extra += 2) {
    if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER) buffer = extra[1];
    if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE) bytes = *static_cast<size_t*>(extra[1]);
  }
  if (bytes != wanted.bytes) {
    const std::string name = function.program ? function.program->name : function.kernel->name;
    fail("kernel " + name + ": expected " + std::to_string(wanted.bytes) +
         " bytes of parameters, received " + std::to_string(bytes));
    return false;
  }
  if (bytes) memcpy(out->data(), buffer, bytes);
  return true;
}

}  // namespace

extern "C" {

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  return load(module, static_cast<const char*>(image));
}

// The caller's log buffers say why an image was not taken.
CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned int count,
                            CUjit_option* options, void** values) {
  std::string why;
  const CUresult result = load(module, static_cast<const char*>(image), &why);
  for (unsigned size = 0; size < count; ++size) {
    const bool error = options[size] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES;
    if (!error && options[size] != CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES) continue;
    const CUjit_option wanted = error ? CU_JIT_ERROR_LOG_BUFFER : CU_JIT_INFO_LOG_BUFFER;
    size_t written = 0;
    for (unsigned buffer = 0; buffer < count; ++buffer) {
      if (options[buffer] != wanted) continue;
      written = std::min(error ? why.size() : 0, reinterpret_cast<size_t>(values[size]));
      memcpy(values[buffer], why.data(), written);
    }
    values[size] = reinterpret_cast<void*>(written);
  }
  return result;
}

CUresult cuModuleLoad(CUmodule* module, const char* name) {
  std::ifstream file(name, std::ios::binary);
  if (!file) return CUDA_ERROR_FILE_NOT_FOUND;
  const std::string image(std::istreambuf_iterator<char>(file), {});
  return image.size() < sizeof(Elf64_Ehdr) ? CUDA_ERROR_INVALID_IMAGE : load(module, image.data());
}

CUresult cuModuleUnload(CUmodule module) {
  finish_all();
  if (module->library) dlclose(module->library);
  delete module;
  return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
  auto found = module->functions.find(name);
  if (found == module->functions.end()) return CUDA_ERROR_NOT_FOUND;
  *function = &found->second;
  return CUDA_SUCCESS;
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) {
    return CUDA_ERROR_NOT_SUPPORTED;
  }
  if (value < 0 || size_t(value) > card().most_shared) return CUDA_ERROR_INVALID_VALUE;
  function->dynamic_limit = std::max<size_t>(value, kSharedDefault);
  return CUDA_SUCCESS;
}

// PyCUDA still calls it, although each launch names its block.
CUresult cuFuncSetBlockShape(CUfunction, int x, int y, int z) {
  return x > 0 && y > 0 && z > 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuFuncSetCacheConfig(CUfunction, CUfunc_cache) { return CUDA_SUCCESS; }

CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                        CUstream stream, void** separate, void** extra) {
  const unsigned long long threads = 1ull * block_x * block_y * block_z;
  const bool fits = grid_x - 1u < 2147483647u && grid_y - 1u < 65535u && grid_z - 1u < 65535u &&
                    threads - 1u < 1024u && block_z <= 64u && shared <= function->dynamic_limit;
  if (!fits) return CUDA_ERROR_INVALID_VALUE;
  Launch asked{function->module, function->kernel, function->program, {grid_x, grid_y, grid_z},
               {block_x, block_y, block_z}, shared, function->dynamic_limit, {}};
  if (!parameters_of(*function, separate, extra, &asked.parameters)) return report();
  return enqueue(stream, [asked] { launch(asked); });
}

}  // extern "C"
