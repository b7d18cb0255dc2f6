// Products of float32 by panels of columns.
#ifndef GC_HOST_PANEL_FLOAT32_H
#define GC_HOST_PANEL_FLOAT32_H

#include "host_panel.h"

extern "C" {
GC_SET_BY_LOADER const gc_panels<float>* graphc_panels_float32;
}
template <> inline const gc_panels<float>& gc_panels_of() { return *graphc_panels_float32; }

#endif
