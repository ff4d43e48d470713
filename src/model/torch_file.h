/* torch_file.h: what PyTorch's torch.save writes (.pth, .pt): a state dict, or the checkpoint of a
 * training that holds one. Both formats: a zip file (since PyTorch 1.6) of data.pkl and an entry
 * for each storage, and the older one, five pickles and then the storages. The pickles are read as
 * data (pickle.h); big-endian files are refused.
 *
 * The zip's checksums are verified of all that is read; the older format has none. */
#ifndef RN_MODEL_TORCH_FILE_H
#define RN_MODEL_TORCH_FILE_H

#include "model/tensor_file.h"

/* Whether the first bytes are those of a zip file or a pickle; never so for safetensors. */
bool rn_torch_is(const uint8_t *bytes, size_t size);

/* The state dict's tensors from file->bytes; what else it holds is passed over. Nothing is copied,
 * tensors may share their data. A file that is a dictionary of tensors is the state dict itself;
 * else it is the one under "state_dict", "model" or "model_state_dict". RN_EINPUT: "FILE: offset N:
 * what", also for more than one; what was made so far stays in `file`, for its close. */
RN_MUST_USE rn_status rn_torch_read(rn_tensor_file *file, const char *path);

#endif
