// Products of float64 by panels of columns.
#ifndef GC_HOST_PANEL_FLOAT64_H
#define GC_HOST_PANEL_FLOAT64_H

#include "host_panel.h"

extern "C" {
GC_SET_BY_LOADER const gc_panel_function<double>* graphc_panels_float64;
}
template <> inline gc_panel_function<double> gc_panel_function_of() {
  return *graphc_panels_float64;
}

#endif
