#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>

void rn_dataset_free(rn_dataset *set) {
    for (size_t i = 0; set->class_names && i < set->n_classes; i++) free(set->class_names[i]);
    for (size_t i = 0; set->records && i < set->n_records; i++) {
        free(set->records[i].file);
        free(set->records[i].path);
    }
    free(set->name);
    free(set->class_names);
    free(set->category_ids);
    free(set->records);
    free(set->objects);
    free(set->notes);
    *set = (rn_dataset){0};
}

size_t rn_dataset_most_objects(const rn_dataset *set) {
    size_t most = 1;
    for (size_t i = 0; i < set->n_records; i++)
        if (set->records[i].n_objects > most) most = set->records[i].n_objects;
    return most;
}

void rn_dataset_tell_notes(const rn_dataset *set, const rn_hooks *hooks) {
    for (const char *line = set->notes; line && *line;) {
        const size_t size = strcspn(line, "\n");
        if (size > 0) rn_tell(hooks, "%.*s", (int)size, line);
        line += size + (line[size] == '\n');
    }
}
