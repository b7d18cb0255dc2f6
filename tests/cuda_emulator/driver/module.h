// Modules and their functions. A "cubin" is a shared object, or PTX as ptx/encode.py writes it.
#ifndef EMULATOR_MODULE_H
#define EMULATOR_MODULE_H

#include <map>
#include <memory>
#include <string>

#include "../ptx/runtime/image.h"
#include "card.h"
#include "context.h"
#include "device.h"

namespace emulator {

struct Function {
  Context& context;
  // Of compiled source, a module and its kernel; of PTX the program.
  const emu_module* module;
  const emu_kernel* kernel;
  const ptx::Kernel* program;
  size_t dynamic_limit;  // bytes of dynamic shared memory; more has to be asked for

  std::string name() const { return program ? program->name : kernel->name; }
  const emu_parameters& parameters() const {
    return program ? program->parameters : kernel->parameters;
  }
  // By __launch_bounds__; 0 without.
  unsigned most_threads() const { return program ? program->most_threads : kernel->most_threads; }
  // Of compiled source a kernel's own shared memory is known when it runs, its registers never.
  unsigned static_shared() const { return program ? program->static_shared : 0; }
  unsigned registers() const { return program ? program->registers : 0; }
  unsigned local_bytes() const { return program ? program->local_bytes : 0; }
};

struct Module {
  explicit Module(Context& context) : context(context) {}
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  Context& context;
  void* library = nullptr;
  std::unique_ptr<ptx::Module> program;
  std::map<std::string, CUfunction> functions;
};

Handles<CUmodule, Module>& modules();
Handles<CUfunction, Function>& functions();
// An error without a module; `why` says more.
CUresult load(Context& context, const char* image, CUmodule* module, std::string* why);
bool unload(CUmodule module);  // false if there is none
void forget_modules(const Context& context);

}  // namespace emulator
#endif
