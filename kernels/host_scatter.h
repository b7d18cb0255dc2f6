// Sums of the rows of a table that indices name: an array with one row for each of these.
#ifndef GC_HOST_SCATTER_H
#define GC_HOST_SCATTER_H

#include "scratch.h"

// The rows that are named, in the order in which they are first, and the places that name them.
struct gc_named {
  int count;  // of different rows
  int* row;   // of each its number in the table
  int* slot;  // of each row of the table, which of the named ones it is; -1: none
  int* head;  // of each named row the first place that names it
  int* next;  // of each place the next one that names the same row; -1: none
};

// at: for each place the row that it names, 0 to rows - 1; 0 where a table without rows was asked
// for one, whose failed test has ended the step.
static inline gc_named gc_named_rows(const int* at, int places, int rows) {
  gc_named found = {0, gc_scratch<int>(GC_NAMED_ROWS, places),
                    gc_scratch<int>(GC_NAMED_SLOTS, (size_t)rows + 1),
                    gc_scratch<int>(GC_NAMED_HEADS, places),
                    gc_scratch<int>(GC_NAMED_NEXT, places)};
  int* last = gc_scratch<int>(GC_NAMED_LAST, places);
  for (int row = 0; row <= rows; ++row) found.slot[row] = -1;
  for (int place = 0; place < places; ++place) {
    int& slot = found.slot[at[place]];
    if (slot < 0) {
      slot = found.count++;
      found.row[slot] = at[place];
      found.head[slot] = place;
    } else {
      found.next[last[slot]] = place;
    }
    last[slot] = place;
    found.next[place] = -1;
  }
  return found;
}

#endif
