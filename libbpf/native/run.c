// BPF_PROG_TEST_RUN: a program over given bytes, without any interface.
#include "run.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "handles.h"

// testRun(program, input, outputSize, repeat) → { verdict, output, duration }
napi_value test_run(napi_env env, napi_callback_info info)
{
	napi_value arguments[4];
	struct bytes input;
	uint32_t output_size, repeat;
	void *output;

	read_arguments(env, info, 4, arguments);
	struct handle *program = read_handle(env, arguments[0], KIND_PROGRAM);
	if (!program || !read_bytes(env, arguments[1], &input) || !read_uint32(env, arguments[2], &output_size) ||
	    !read_uint32(env, arguments[3], &repeat))
		return NULL;
	napi_value output_bytes = new_bytes(env, output_size, &output);
	if (output_size && !output)
		return fail(env, ENOMEM, NULL, "run a program");
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = input.data, .data_size_in = (uint32_t)input.size,
		    .data_out = output, .data_size_out = output_size, .repeat = (int)repeat);
	int error = bpf_prog_test_run_opts(program->fd, &run);
	if (error)
		return fail(env, -error, NULL, "run a program over %zu bytes", input.size);
	napi_value result = new_object(env);
	set_number(env, result, "verdict", run.retval);
	set(env, result, "output", output_bytes);
	set_number(env, result, "outputSize", run.data_size_out);
	set_number(env, result, "duration", run.duration);
	return result;
}
