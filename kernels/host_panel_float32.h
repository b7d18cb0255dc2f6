// Products of float32 by panels of columns.
#ifndef GC_HOST_PANEL_FLOAT32_H
#define GC_HOST_PANEL_FLOAT32_H

#include "host_panel.h"

extern "C" {
GC_SET_BY_LOADER const gc_panel_function<float>* graphc_panels_float32;
}
template <> inline gc_panel_function<float> gc_panel_function_of() {
  return *graphc_panels_float32;
}

#endif
