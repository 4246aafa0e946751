// Made by producers/mobile/snippets.py from the collector's routes; change it there.
package io.reftrail

import java.io.File
import java.io.IOException
import java.net.HttpURLConnection
import java.net.URL
import java.time.Instant
import java.util.UUID
import org.json.JSONArray
import org.json.JSONObject

enum class EventType(val value: String) { CLICK("click"), FORM_STARTED("form_started"), IDENTIFIED("identified"), VIEW("view") }
enum class Source(val value: String) { ELECTRONIC("electronic"), PORTAL("portal"), DIRECT("direct") }
enum class Os(val value: String) { ANDROID("android"), IOS("ios") }
enum class Device(val value: String) { PHONE("phone"), TABLET("tablet") }
enum class MatchKind(val value: String) { EXACT("exact"), GUESS("guess"), NONE("none") }
enum class MatchedBy(val value: String) { CLICK("click"), REFERRER("referrer"), ADDRESS("address") }

data class Event(
    val type: EventType,
    val eventId: String,
    val eventTime: String,
    val visitorId: String,
    val userId: String? = null,
    val code: String? = null,
    val campaignId: String? = null,
    val category: String? = null,
    val channel: String? = null,
    val source: Source? = null,
    val deviceId: String? = null,
    val userAgent: String? = null,
    val country: String? = null,
    val email: String? = null,
    val utmSource: String? = null,
) {
    fun toJson(): JSONObject = JSONObject()
        .putOpt("type", type.value)
        .putOpt("event_id", eventId)
        .putOpt("event_time", eventTime)
        .putOpt("visitor_id", visitorId)
        .putOpt("user_id", userId)
        .putOpt("code", code)
        .putOpt("campaign_id", campaignId)
        .putOpt("category", category)
        .putOpt("channel", channel)
        .putOpt("source", source?.value)
        .putOpt("device_id", deviceId)
        .putOpt("user_agent", userAgent)
        .putOpt("country", country)
        .putOpt("email", email)
        .putOpt("utm_source", utmSource)

    companion object {
        fun fromJson(json: JSONObject) = Event(
            type = EventType.values().first { it.value == json.getString("type") },
            eventId = json.getString("event_id"),
            eventTime = json.getString("event_time"),
            visitorId = json.getString("visitor_id"),
            userId = if (json.isNull("user_id")) null else json.getString("user_id"),
            code = if (json.isNull("code")) null else json.getString("code"),
            campaignId = if (json.isNull("campaign_id")) null else json.getString("campaign_id"),
            category = if (json.isNull("category")) null else json.getString("category"),
            channel = if (json.isNull("channel")) null else json.getString("channel"),
            source = if (json.isNull("source")) null else Source.values().first { it.value == json.getString("source") },
            deviceId = if (json.isNull("device_id")) null else json.getString("device_id"),
            userAgent = if (json.isNull("user_agent")) null else json.getString("user_agent"),
            country = if (json.isNull("country")) null else json.getString("country"),
            email = if (json.isNull("email")) null else json.getString("email"),
            utmSource = if (json.isNull("utm_source")) null else json.getString("utm_source"),
        )
    }
}

data class MatchQuestion(
    val visitorId: String,
    val signedClick: String? = null,
    val referrer: String? = null,
    val os: Os? = null,
    val device: Device? = null,
) {
    fun toJson(): JSONObject = JSONObject()
        .putOpt("visitor_id", visitorId)
        .putOpt("signed_click", signedClick)
        .putOpt("referrer", referrer)
        .putOpt("os", os?.value)
        .putOpt("device", device?.value)

    companion object {
        fun fromJson(json: JSONObject) = MatchQuestion(
            visitorId = json.getString("visitor_id"),
            signedClick = if (json.isNull("signed_click")) null else json.getString("signed_click"),
            referrer = if (json.isNull("referrer")) null else json.getString("referrer"),
            os = if (json.isNull("os")) null else Os.values().first { it.value == json.getString("os") },
            device = if (json.isNull("device")) null else Device.values().first { it.value == json.getString("device") },
        )
    }
}

data class MatchAnswer(
    val match: MatchKind,
    val by: MatchedBy? = null,
    val code: String? = null,
    val clickedAt: String? = null,
) {
    fun toJson(): JSONObject = JSONObject()
        .putOpt("match", match.value)
        .putOpt("by", by?.value)
        .putOpt("code", code)
        .putOpt("clicked_at", clickedAt)

    companion object {
        fun fromJson(json: JSONObject) = MatchAnswer(
            match = MatchKind.values().first { it.value == json.getString("match") },
            by = if (json.isNull("by")) null else MatchedBy.values().first { it.value == json.getString("by") },
            code = if (json.isNull("code")) null else json.getString("code"),
            clickedAt = if (json.isNull("clicked_at")) null else json.getString("clicked_at"),
        )
    }
}

/**
 * Events that wait in a file until the collector has answered. Call it off the main thread, from one
 * at a time (a WorkManager worker, a single-threaded dispatcher). visitorId: make a UUID once, and
 * keep it.
 */
class Reftrail(
    private val endpoint: String,
    private val key: String,
    private val appId: String,
    private val visitorId: String,
    private val queue: File,
) {
    /** Keep an event. Its id and time are its own from now on, however often it is sent. */
    fun record(type: EventType, code: String? = null, userId: String? = null) {
        val event = Event(
            type = type,
            visitorId = visitorId,
            eventId = UUID.randomUUID().toString(),
            eventTime = Instant.now().toString(),
            code = code,
            userId = userId,
            userAgent = "$appId (android)", // OkHttp's own counts as a bot's
        )
        queue.appendText(event.toJson().toString() + "\n")
    }

    /** Send what waits. False: try again later; nothing is lost, and nothing counts twice. */
    fun flush(): Boolean {
        val waiting = if (queue.exists()) queue.readLines() else emptyList()
        for (lines in waiting.chunked(50)) {
            val events = JSONArray(lines.map { JSONObject(it) })
            val body = JSONObject().put("sent_at", Instant.now().toString()).put("events", events)
            val status = try { post("/v1/events", body).first } catch (away: IOException) { return false }
            if (status == 408 || status == 429 || status >= 500) return false
            val rest = queue.readLines().drop(lines.size)
            queue.writeText(rest.joinToString("") { it + "\n" })
        }
        return true
    }

    /** By which click the app was installed; null: ask again at the next opening. */
    fun match(question: MatchQuestion): MatchAnswer? = try {
        val (status, answer) = post("/v1/match", question.toJson())
        if (status == 200) MatchAnswer.fromJson(JSONObject(answer)) else null
    } catch (away: IOException) {
        null
    }

    private fun post(path: String, body: JSONObject): Pair<Int, String> {
        val connection = URL(endpoint + path).openConnection() as HttpURLConnection
        try {
            connection.requestMethod = "POST"
            connection.doOutput = true
            connection.connectTimeout = 10_000
            connection.readTimeout = 30_000
            connection.setRequestProperty("Authorization", "Bearer $key")
            connection.setRequestProperty("X-Reftrail-App", appId)
            connection.setRequestProperty("Content-Type", "application/json")
            connection.outputStream.use { it.write(body.toString().toByteArray()) }
            val status = connection.responseCode
            val stream = if (status < 400) connection.inputStream else connection.errorStream
            return status to (stream?.bufferedReader()?.use { it.readText() } ?: "")
        } finally {
            connection.disconnect()
        }
    }
}
